"""``vla/load_policy``: another policy beside the running one, switched in between two chunks."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future

from vla_core.errors import VlaError
from vla_msgs.srv import LoadPolicy

SERVICE_NAME = "vla/load_policy"


class LoadService:
    """Loads on a thread of its own, so that nothing waits for it; one load at a time.

    load: the folder of a bundle -> the policy in force afterwards; raises VlaError and changes nothing on failure.
    policy_id: of the policy in force. objection: why no policy can be loaded now, or None.
    """

    def __init__(
        self,
        node: LifecycleNode,
        load: Callable[[str], str],
        policy_id: Callable[[], str],
        objection: Callable[[], str | None],
    ) -> None:
        self._node = node
        self._load = load
        self._policy_id = policy_id
        self._objection = objection
        self._busy = threading.Lock()
        # A group of its own: to rclpy a coroutine that waits is running, and nothing else of its group may run then.
        group = ReentrantCallbackGroup()
        self._service = node.create_service(LoadPolicy, SERVICE_NAME, self._serve, callback_group=group)

    async def _serve(self, request: LoadPolicy.Request, response: LoadPolicy.Response) -> LoadPolicy.Response:
        objection = self._objection()
        if objection is None and not self._busy.acquire(blocking=False):
            objection = "another policy is being loaded; try again when that has ended"
        if objection is not None:
            return self._answer(response, objection)
        loaded = Future()
        threading.Thread(target=self._work, args=(request.bundle, loaded), name="load policy", daemon=True).start()
        return self._answer(response, await loaded)

    def _answer(self, response: LoadPolicy.Response, failure: str | None) -> LoadPolicy.Response:
        response.success = failure is None
        response.message = failure or "loaded"
        response.policy_id = self._policy_id()
        return response

    def _work(self, bundle: str, loaded: Future) -> None:
        """Ends ``loaded`` with why it failed, or None."""
        failure: str | None = None
        try:
            policy_id = self._load(bundle)
            self._node.get_logger().info(f"policy {policy_id} is in force")
        except VlaError as error:
            failure = str(error)
        except Exception as error:  # the caller waits for an answer, whatever happens here
            failure = f"internal error: {type(error).__name__}: {error}"
        if failure is not None:
            self._node.get_logger().error(f"policy not loaded: {failure}")
        self._busy.release()
        loaded.set_result(failure)
        executor = self._node.executor
        if executor is not None:
            executor.wake()
