"""Bringing a lifecycle node to a state, from outside."""

from __future__ import annotations

import time
from collections.abc import Callable

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.task import Future

from vla_bringup.errors import StackError
from vla_bringup.graph.session import Session, wait_until

STATES = {
    State.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    State.PRIMARY_STATE_INACTIVE: "inactive",
    State.PRIMARY_STATE_ACTIVE: "active",
    State.PRIMARY_STATE_FINALIZED: "finalized",
}

ASK_AGAIN_S = 3.0


class LifecycleClient:
    """Drives one lifecycle node.

    check: raises when going on makes no sense, e.g. because the process is dead; asked while waiting.
    """

    def __init__(self, session: Session, node_name: str, check: Callable[[], None]) -> None:
        self._session = session
        self._name = node_name
        self.check = check
        self._change = session.node.create_client(ChangeState, f"{node_name}/change_state")
        self._get = session.node.create_client(GetState, f"{node_name}/get_state")

    def is_there(self) -> bool:
        """Whether the node's services are on the graph."""
        return bool(self._change.service_is_ready() and self._get.service_is_ready())

    def wait_until_there(self, timeout_s: float) -> None:
        """StackError when the node's services do not appear."""

        def there() -> bool:
            self.check()
            return self.is_there()

        if not wait_until(there, timeout_s):
            raise StackError(f"{self._name} did not appear on the ROS graph within {timeout_s:g} s")

    def state(self, timeout_s: float = 5.0) -> str:
        """Name of the node's state."""
        answer = self._session.ask(lambda: self._get.call_async(GetState.Request()), self._name, timeout_s, ASK_AGAIN_S)
        return STATES.get(answer.current_state.id, str(answer.current_state.label))

    def configure(self, timeout_s: float) -> None:
        """unconfigured -> inactive. StackError when the node refuses."""
        self._do(Transition.TRANSITION_CONFIGURE, "configure", "unconfigured", "inactive", timeout_s)

    def activate(self, timeout_s: float) -> None:
        """inactive -> active. StackError when the node refuses."""
        self._do(Transition.TRANSITION_ACTIVATE, "activate", "inactive", "active", timeout_s)

    def deactivate(self, timeout_s: float) -> None:
        """active -> inactive; the safety monitor brings the arm to rest on the way."""
        self._do(Transition.TRANSITION_DEACTIVATE, "deactivate", "active", "inactive", timeout_s)

    def _do(self, transition: int, verb: str, before: str, after: str, timeout_s: float) -> None:
        """Ask until it is answered; an answer can be lost (see Session.ask), so ask for the state too."""
        deadline = time.monotonic() + timeout_s
        requests: list[Future] = []
        while time.monotonic() < deadline:
            state = before
            if requests:
                state = self._label_unless_busy()
            if state == after:
                return
            if state == before:  # never asked, or the request or its refusal got lost
                request = ChangeState.Request(transition=Transition(id=transition))
                requests.append(self._change.call_async(request))
            if self._wait(lambda: any(r.done() for r in requests), min(ASK_AGAIN_S, deadline - time.monotonic())):
                if any(r.done() and r.result().success for r in requests) or self._label_unless_busy() == after:
                    return
                raise StackError(f"{self._name} refused to {verb}")
        raise StackError(f"{self._name} did not {verb} within {timeout_s:g} s")

    def _label_unless_busy(self) -> str:
        """Name of the state; empty while the node is too busy to say, as in the middle of a transition."""
        query = self._get.call_async(GetState.Request())
        if not self._wait(query.done, ASK_AGAIN_S):
            return ""
        return STATES.get(query.result().current_state.id, "")

    def _wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        def met() -> bool:
            self.check()
            return condition()

        return wait_until(met, timeout_s)
