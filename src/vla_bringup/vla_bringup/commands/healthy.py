"""``vla status --healthy NODE``: whether lifecycle nodes do their work, as an exit status for whoever watches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vla_bringup.console import console
from vla_bringup.errors import HOW_TO_START, NotRunningError, UnhealthyError
from vla_bringup.graph.session import DISCOVERY_S, Session, session, wait_until
from vla_bringup.stack.lifecycle import LifecycleClient

ANSWER_S = 4.0
HEALTHY = "active"
ABSENT = "not on the ROS graph"
SILENT = "there, but does not answer"


def healthy(nodes: Sequence[str], namespace: str) -> None:
    """Say the state of each node. UnhealthyError when one is not active."""
    with session("vla_health", namespace) as ros:
        states = states_of(ros, nodes)
    unhealthy = {name: state for name, state in states.items() if state != HEALTHY}
    if unhealthy:
        remedy = HOW_TO_START if ABSENT in unhealthy.values() else "The nodes' logs say why."
        raise UnhealthyError(f"not active: {said(unhealthy)}. {remedy}")
    console.print(said(states))


def states_of(ros: Session, nodes: Sequence[str]) -> dict[str, str]:
    """Node -> lifecycle state, or why it cannot be told. The nodes share one time for being found."""
    clients = {name: LifecycleClient(ros, name, lambda: None) for name in nodes}
    wait_until(lambda: all(client.is_there() for client in clients.values()), DISCOVERY_S)
    return {name: _state(client) for name, client in clients.items()}


def said(states: Mapping[str, str]) -> str:
    """As in "safety_monitor: active; inference_node: inactive"."""
    return "; ".join(f"{name}: {state}" for name, state in states.items())


def _state(client: LifecycleClient) -> str:
    if not client.is_there():
        return ABSENT
    try:
        return client.state(ANSWER_S)
    except NotRunningError:
        return SILENT
