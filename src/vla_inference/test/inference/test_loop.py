"""InferenceLoop, stepped by hand with a fake engine and clock: which observation is used, what follows from it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from vla_core.errors import ActionError, RemotePolicyError
from vla_core.types import ActionChunk, JointPlan, Observation, TwistPlan, read_only
from vla_inference.inference.clocks import Clocks
from vla_inference.inference.gate_view import GateDecision, GateReport, GateState, GateView
from vla_inference.inference.loop import InferenceLoop
from vla_inference.inference.samples import CameraProof
from vla_inference.inference.seen import ChunkTrace, Seen, Starved
from vla_inference.inference.status_board import NodeState, StatusBoard
from vla_inference.inference.tasks import Outcome, TaskDesk

MS = 1_000_000


@dataclass
class FakeEngine:
    policy_id: str = "fake@1"
    worker_restarts: int = 0
    fault: str | None = None
    frame_ns: int | None = None
    answer: ActionChunk | Exception = field(default_factory=lambda: ActionChunk(np.zeros((1, 1)), done=0.0))
    too_late: bool = False
    calls: list[str] = field(default_factory=list)
    prepared_since_ns: int | None = None

    def worker_fault(self) -> str | None:
        return self.fault

    def newest_ns(self, ros_ns: int, steady_ns: int) -> int | None:
        return self.frame_ns

    def prepare(self, since_ns: int) -> None:
        self.prepared_since_ns = since_ns

    def see(self, instruction: str, ros_ns: int, steady_ns: int) -> Seen:
        if self.frame_ns is None:
            raise Starved("camera wrist missing: nothing received")
        observation = Observation({}, {"front": self.frame_ns}, read_only([0.0]), self.frame_ns, instruction)
        proofs = (CameraProof("front", self.frame_ns, 7),)
        return Seen(observation, lambda: proofs)

    def infer(self, observation: Observation) -> ActionChunk:
        self.calls.append(f"infer {observation.t0_ns // MS}")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def plan(self, observation: Observation, chunk: ActionChunk, ros_ns: int) -> JointPlan | None:
        plan = JointPlan(("joint1",), observation.t0_ns, read_only([0.1]), read_only([[0.0]]))
        return None if self.too_late else plan

    def is_done(self, score: float | None) -> bool:
        return score is not None and score > 0.5

    def start_task(self) -> None:
        self.calls.append("start")

    def restart_plan(self) -> None:
        self.calls.append("restart")


class Rig:
    """A loop with everything around it, at 10 Hz."""

    def __init__(self, period_s: float = 0.1) -> None:
        self.now_ns = 0
        self.desk = TaskDesk()
        self.board = StatusBoard(self.desk, lambda _: None)
        self.board.set_active(True)
        self.gate = GateView(3.0, required=False)
        self.sent: list[tuple[JointPlan | TwistPlan, ChunkTrace]] = []
        clocks = Clocks(lambda: self.now_ns, lambda: self.now_ns)
        self.loop = InferenceLoop(
            self.desk,
            self.board,
            self.gate,
            clocks,
            lambda: period_s,
            lambda plan, trace: self.sent.append((plan, trace)),
        )
        self.engine = FakeEngine()
        self.loop.swap(self.engine)

    def frame(self, at_ms: int) -> None:
        self.now_ns = self.engine.frame_ns = at_ms * MS
        self.loop.step()

    def instruct(self, text: str = "pick") -> None:
        self.desk.accept(text, "test", self.now_ns, 30.0)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_without_an_instruction_the_policy_is_not_asked(rig: Rig) -> None:
    rig.frame(1000)
    assert rig.engine.calls == [] and rig.sent == []


def test_each_observation_is_used_once_and_no_faster_than_the_period(rig: Rig) -> None:
    rig.instruct()
    for at_ms in (1000, 1000, 1033, 1067, 1099, 1133, 1167, 1200):
        rig.frame(at_ms)
    assert rig.engine.calls == ["start", "infer 1000", "infer 1099", "infer 1200"]


def test_twenty_a_second_come_out_of_a_camera_of_thirty() -> None:
    rig = Rig(period_s=0.05)
    rig.instruct()
    for frame in range(60):
        rig.frame(1000 + round(frame * 100 / 3))
    stamps = [int(call.split()[1]) for call in rig.engine.calls if call.startswith("infer")]
    assert len(stamps) == 40
    assert {33, 34, 66, 67} >= {after - before for before, after in itertools.pairwise(stamps)}


def test_what_was_missed_is_not_made_up_for() -> None:
    rig = Rig(period_s=0.05)
    rig.instruct()
    for at_ms in (1000, 1400, 1420, 1440, 1450, 1480, 1500):
        rig.frame(at_ms)
    assert rig.engine.calls == ["start", "infer 1000", "infer 1400", "infer 1450", "infer 1500"]


def test_the_wait_for_the_rest_of_a_set_is_used_for_what_is_due(rig: Rig) -> None:
    rig.instruct()
    rig.frame(1000)
    rig.frame(1033)
    assert rig.engine.prepared_since_ns == 1090 * MS


def test_a_chunk_carries_its_evidence_and_ids(rig: Rig) -> None:
    rig.instruct("pick up the cube")
    rig.frame(1000)
    rig.frame(1100)
    plan, trace = rig.sent[-1]
    assert plan.t0_ns == 1100 * MS
    assert (trace.chunk_id, trace.instruction_id, trace.policy_id) == (2, 1, "fake@1")
    assert trace.instruction == "pick up the cube"
    assert trace.cameras == (CameraProof("front", 1100 * MS, 7),)


def test_a_missing_input_starves_and_names_itself(rig: Rig) -> None:
    rig.instruct()
    rig.loop.step()
    status = rig.board.current()
    assert status.state is NodeState.STARVED and "wrist" in status.detail
    assert rig.sent == []
    rig.frame(1000)
    assert rig.board.current().state is NodeState.RUNNING and len(rig.sent) == 1


def test_a_worker_that_fails_ends_the_instruction(rig: Rig) -> None:
    rig.instruct()
    task = rig.desk.current
    rig.engine.answer = RemotePolicyError("did not answer within 1 s")
    rig.engine.fault = None
    rig.frame(1000)
    assert task is not None and task.outcome is Outcome.WORKER_FAILED
    assert rig.board.current().state is NodeState.WORKER_DOWN
    rig.engine.answer = ActionChunk(np.zeros((1, 1)))
    rig.frame(1100)
    assert rig.board.current().state is NodeState.IDLE
    rig.instruct()
    rig.frame(1200)
    assert len(rig.sent) == 1


def test_a_worker_that_is_down_is_not_asked(rig: Rig) -> None:
    rig.engine.fault = "exited with -9; started again in 0.5 s"
    rig.instruct()
    task = rig.desk.current
    rig.frame(1000)
    assert rig.engine.calls == []
    assert task is not None and task.outcome is Outcome.WORKER_FAILED and "-9" in task.message


def test_one_bad_chunk_is_dropped_and_three_in_a_row_end_the_instruction(rig: Rig) -> None:
    rig.instruct()
    task = rig.desk.current
    assert task is not None
    good, bad = ActionChunk(np.zeros((1, 1))), ActionError("actions are not finite")
    for at_ms, answer in ((1000, bad), (1100, bad), (1200, good), (1300, bad), (1400, bad)):
        rig.engine.answer = answer
        rig.frame(at_ms)
    assert task.outcome is None and len(rig.sent) == 1
    rig.frame(1500)
    assert task.outcome is Outcome.WORKER_FAILED and "not finite" in task.message
    assert len(rig.sent) == 1


def test_the_done_score_completes_after_its_chunk_went_out(rig: Rig) -> None:
    rig.instruct()
    task = rig.desk.current
    rig.engine.answer = ActionChunk(np.zeros((1, 1)), done=0.9)
    rig.frame(1000)
    rig.frame(1100)
    assert task is not None and task.outcome is Outcome.COMPLETED
    assert (task.chunks, task.progress, len(rig.sent)) == (1, 0.9, 1)


def test_a_chunk_for_an_instruction_that_ended_meanwhile_is_not_sent(rig: Rig) -> None:
    rig.instruct()
    task = rig.desk.current
    assert task is not None
    infer = rig.engine.infer

    def cancel_then_infer(observation: Observation) -> ActionChunk:
        rig.desk.end(task.task_id, Outcome.CANCELED, "", 0)
        return infer(observation)

    rig.engine.infer = cancel_then_infer  # type: ignore[method-assign]
    rig.frame(1000)
    assert rig.sent == [] and task.chunks == 0


def test_a_late_chunk_is_not_sent_and_is_no_failure(rig: Rig) -> None:
    rig.instruct()
    rig.engine.too_late = True
    for index in range(5):
        rig.frame(1000 + 100 * index)
    assert rig.sent == [] and rig.desk.current is not None


def test_a_repaired_chunk_restarts_the_plan_once(rig: Rig) -> None:
    rig.instruct()
    rig.frame(1000)
    rig.gate.update(GateReport(GateState.HOLDING, GateDecision.HOLD, "velocity_limit", "", 1, 0))
    rig.frame(1100)
    rig.frame(1200)
    rig.gate.update(GateReport(GateState.HOLDING, GateDecision.HOLD, "velocity_limit", "", 3, 0))
    rig.frame(1300)
    assert rig.engine.calls.count("restart") == 2


def test_a_swap_lets_the_new_policy_start_the_running_instruction_anew(rig: Rig) -> None:
    rig.instruct()
    rig.frame(1000)
    second = FakeEngine(policy_id="second@1", frame_ns=1033 * MS)
    rig.loop.swap(second)
    rig.loop.step()
    assert second.calls == ["start", "infer 1033"]
    assert [trace.policy_id for _, trace in rig.sent] == ["fake@1", "second@1"]
    assert [trace.chunk_id for _, trace in rig.sent] == [1, 2]


def test_a_clock_that_steps_back_does_not_stop_the_chunks(rig: Rig) -> None:
    rig.instruct()
    rig.frame(90_000)
    rig.frame(1000)
    assert len(rig.sent) == 2


def test_progress_is_nan_without_a_done_signal(rig: Rig) -> None:
    rig.instruct()
    rig.engine.answer = ActionChunk(np.zeros((1, 1)), done=None)
    rig.frame(1000)
    assert rig.desk.current is not None and math.isnan(rig.desk.current.progress)


def test_a_defect_ends_the_instruction_and_not_the_thread(rig: Rig) -> None:
    rig.instruct()
    task = rig.desk.current
    assert task is not None
    rig.engine.answer = ZeroDivisionError("a defect")
    rig.engine.frame_ns = rig.now_ns = 1000 * MS
    rig.loop.start()
    try:
        rig.loop.notify()
        _wait(lambda: task.outcome is not None)
        assert task.outcome is Outcome.WORKER_FAILED and "a defect" in task.message
        rig.engine.answer = ActionChunk(np.zeros((1, 1)))
        rig.instruct()
        rig.loop.notify()
        _wait(lambda: len(rig.sent) == 1)
    finally:
        rig.loop.stop()


def _wait(condition: object) -> None:
    import time

    give_up = time.monotonic() + 30.0
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.005)
