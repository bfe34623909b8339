"""Bringing a lifecycle node to a state, from outside."""

from __future__ import annotations

from collections.abc import Callable

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState

from vla_bringup.errors import StackError
from vla_bringup.graph.session import Session, wait_until

STATES = {
    State.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    State.PRIMARY_STATE_INACTIVE: "inactive",
    State.PRIMARY_STATE_ACTIVE: "active",
    State.PRIMARY_STATE_FINALIZED: "finalized",
}


class LifecycleClient:
    """Drives one lifecycle node.

    check: raises when going on makes no sense, e.g. because the process is dead; asked while waiting.
    """

    def __init__(self, session: Session, node_name: str, check: Callable[[], None]) -> None:
        self._session = session
        self._name = node_name
        self._check = check
        self._change = session.node.create_client(ChangeState, f"{node_name}/change_state")
        self._get = session.node.create_client(GetState, f"{node_name}/get_state")

    def wait_until_there(self, timeout_s: float) -> None:
        """StackError when the node's services do not appear."""

        def there() -> bool:
            self._check()
            return bool(self._change.service_is_ready() and self._get.service_is_ready())

        if not wait_until(there, timeout_s):
            raise StackError(f"{self._name} did not appear on the ROS graph within {timeout_s:g} s")

    def state(self, timeout_s: float = 5.0) -> str:
        """Name of the node's state."""
        answer = self._session.result_of(self._get.call_async(GetState.Request()), self._name, timeout_s)
        return STATES.get(answer.current_state.id, str(answer.current_state.label))

    def configure(self, timeout_s: float) -> None:
        """unconfigured -> inactive. StackError when the node refuses."""
        self._do(Transition.TRANSITION_CONFIGURE, "configure", timeout_s)

    def activate(self, timeout_s: float) -> None:
        """inactive -> active. StackError when the node refuses."""
        self._do(Transition.TRANSITION_ACTIVATE, "activate", timeout_s)

    def deactivate(self, timeout_s: float) -> None:
        """active -> inactive; the safety monitor brings the arm to rest on the way."""
        self._do(Transition.TRANSITION_DEACTIVATE, "deactivate", timeout_s)

    def _do(self, transition: int, verb: str, timeout_s: float) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        future = self._change.call_async(request)
        future.add_done_callback(lambda _: self._session.notify())

        def done() -> bool:
            self._check()
            return bool(future.done())

        if not wait_until(done, timeout_s):
            raise StackError(f"{self._name} did not {verb} within {timeout_s:g} s")
        if not future.result().success:
            raise StackError(f"{self._name} refused to {verb}")
