"""``vla policy``: everything that needs the policy environment runs there, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from vla_bringup.console import console
from vla_bringup.errors import RefusedError
from vla_bringup.graph.session import session
from vla_bringup.stack.spec import PYTHON_VARIABLE
from vla_msgs.srv import LoadPolicy

LOAD_S = 120.0


def policy_python() -> str:
    """Python of the policy environment: ``VLA_POLICY_PYTHON``, else the one that runs this command."""
    return os.environ.get(PYTHON_VARIABLE) or sys.executable


def in_policy_environment(subcommand: str, *arguments: str | Path) -> int:
    """A command of ``vla_policy``, such as ``check`` or ``data``, in the policy environment; its exit code."""
    command = [policy_python(), "-m", "vla_policy", subcommand, *map(str, arguments)]
    try:
        return subprocess.call(command)
    except OSError as error:
        raise RefusedError(
            f"the policy environment's Python {command[0]!r} cannot be started ({error}); set {PYTHON_VARIABLE}"
        ) from error


def load(bundle: Path, namespace: str) -> None:
    """Hot-swap the running policy. NotRunningError, RefusedError with every difference found."""
    if not (bundle / "policy.yaml").is_file():
        raise RefusedError(f"{bundle} is no policy bundle: it has no policy.yaml")
    with session("vla_policy_load", namespace) as ros, console.status(f"loading {bundle}"):
        request = LoadPolicy.Request(bundle=str(bundle.resolve()))
        answer = ros.call(LoadPolicy, "vla/load_policy", request, LOAD_S, again_s=LOAD_S / 4)
    if not answer.success:
        raise RefusedError(f"{bundle} was refused; {answer.policy_id or 'no policy'} stays in force.\n{answer.message}")
    console.print(f"[green]now running[/] {answer.policy_id}")
