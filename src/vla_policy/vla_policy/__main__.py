"""``python -m vla_policy``: see ``vla_policy.cli``."""

from vla_policy.cli import app

app(prog_name="vla policy")
