"""``vla up``: the simulated arm with everything, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path

from std_srvs.srv import Trigger

from vla_bringup.console import console
from vla_bringup.errors import RefusedError
from vla_bringup.graph.session import session
from vla_bringup.stack.interrupt import terminate_as_interrupt
from vla_bringup.stack.progress import ProgressBoard
from vla_bringup.stack.running import running_stack
from vla_bringup.stack.spec import default_bundle, tabletop_params, tabletop_stack

WATCH_S = 60.0


def up(bundle: Path | None, seed: int, namespace: str, out: Path) -> None:
    """Start the stack, arm the gate, and watch until Ctrl-C. StackError when a process ends by itself."""
    specs = tabletop_stack(bundle.resolve() if bundle else default_bundle(), seed=seed)
    board = ProgressBoard(console)
    with (
        terminate_as_interrupt(),
        session("vla_up", namespace) as ros,
        running_stack(ros, specs, tabletop_params(), out.resolve() / "logs", board, namespace) as stack,
    ):
        answer = ros.call(Trigger, "vla/reset", Trigger.Request())
        if not answer.success:
            raise RefusedError(f"the safety monitor did not arm: {answer.message}")
        console.print(f"\nready. Logs are in {stack.logs}. In another terminal:\n")
        console.print('    vla say "pick up the red cube"\n    vla status --follow\n    vla stop\n')
        console.print("Ctrl-C brings the arm to rest and ends everything.")
        try:
            while True:
                ros.wait_for(lambda: False, WATCH_S)
        except KeyboardInterrupt:
            pass
