"""``vla stop`` and ``vla reset``: the operator's two services at the safety monitor."""

from __future__ import annotations

from std_srvs.srv import Trigger

from vla_bringup.console import console
from vla_bringup.errors import RefusedError
from vla_bringup.graph.session import session


def stop(namespace: str) -> None:
    """Bring the arm to rest and latch the stop. NotRunningError, RefusedError."""
    _trigger("vla/emergency_stop", namespace)
    console.print("[bold red]stopped[/], latched: the arm is at rest or on its way to it. `vla reset` arms it again.")


def reset(namespace: str) -> None:
    """Arm the safety monitor. NotRunningError, RefusedError."""
    _trigger("vla/reset", namespace)
    console.print("[green]armed[/]: the next instruction moves the arm.")


def _trigger(service: str, namespace: str) -> None:
    with session("vla_operator", namespace) as ros:
        answer = ros.call(Trigger, service, Trigger.Request())
    if not answer.success:
        raise RefusedError(f"{service} was refused: {answer.message}")
