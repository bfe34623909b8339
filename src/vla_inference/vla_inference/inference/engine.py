"""One policy in force: its worker, what it wants to see, and what becomes of its chunks."""

from __future__ import annotations

from vla_core.contract import Bundle
from vla_core.remote import SupervisedPolicy, WorkerState
from vla_core.types import ActionChunk, JointPlan, Observation, TwistPlan
from vla_inference.inference.done import DoneJudge
from vla_inference.inference.observer import Observer
from vla_inference.inference.planner import Planner
from vla_inference.inference.seen import Seen


class PolicyEngine:
    """See ``loop.Engine``. The worker behind ``policy`` is ended by whoever started it."""

    def __init__(self, bundle: Bundle, policy: SupervisedPolicy, observer: Observer, planner: Planner) -> None:
        self.bundle = bundle
        self._policy = policy
        self._observer = observer
        self._planner = planner
        done = bundle.contract.done
        self._done = DoneJudge(None) if done is None else DoneJudge(done.threshold, done.hold_chunks)

    @property
    def policy_id(self) -> str:
        """``name@version``."""
        return self.bundle.contract.policy_id

    @property
    def worker_restarts(self) -> int:
        """How often the worker was started again."""
        return self._policy.status.restarts

    def worker_fault(self) -> str | None:
        """Why the worker cannot serve now; None when it can."""
        return worker_fault(self._policy)

    def newest_ns(self, ros_ns: int, steady_ns: int) -> int | None:
        """The newest t0 there can be an observation for, ROS time; None when an input has not come, or is old."""
        return self._observer.newest_ns(ros_ns, steady_ns)

    def prepare(self, since_ns: int) -> None:
        """Convert the images stamped ``since_ns`` or later that are there."""
        self._observer.prepare(since_ns)

    def see(self, instruction: str, ros_ns: int, steady_ns: int) -> Seen:
        """The newest observation. Raises Starved."""
        return self._observer.see(instruction, ros_ns, steady_ns)

    def infer(self, observation: Observation) -> ActionChunk:
        """Raises RemotePolicyError, ObservationError, ActionError."""
        return self._policy.infer(observation)

    def plan(self, observation: Observation, chunk: ActionChunk, ros_ns: int) -> JointPlan | TwistPlan | None:
        """The motion to send; None when the chunk came too late to be of use."""
        return self._planner.plan(observation, chunk, ros_ns)

    def is_done(self, score: float | None) -> bool:
        """The contract's own done signal."""
        return self._done.judge(score)

    def start_task(self) -> None:
        """A new instruction: forget the last one. Raises RemotePolicyError."""
        self._done.reset()
        self._planner.start_task()
        self._policy.reset()

    def restart_plan(self) -> None:
        """Plan on from the measured state."""
        self._planner.restart()


def worker_fault(policy: SupervisedPolicy) -> str | None:
    """Why the worker cannot serve now, and what happens next; None when it serves."""
    status = policy.status
    if status.state is WorkerState.READY:
        return None
    remedy = "load another bundle" if status.state is WorkerState.REFUSED else "it comes back by itself"
    cause = f" after: {status.failure}" if status.failure else ""
    return f"policy worker is {status.state.value}{cause}; {remedy}"
