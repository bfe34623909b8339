"""One attempt: a fresh scene, one sentence, and what the simulator says about it."""

from __future__ import annotations

from collections.abc import Callable

from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from vla_bringup.demo.attempts import Attempt
from vla_bringup.demo.homing import homing_trajectory, is_home
from vla_bringup.demo.records import EpisodeRecord, Event, RunRecord
from vla_bringup.errors import NotRunningError, RefusedError
from vla_bringup.graph.instruction import InstructionClient, RunningInstruction
from vla_bringup.graph.session import BEST_EFFORT, DISCOVERY_S, RELIABLE, Session, wait_until
from vla_bringup.graph.stack_view import StackView
from vla_msgs.msg import SafetyStatus
from vla_msgs.srv import ResetScene

TIMEOUT_S = 15.0
"""Simulated time an attempt may take."""
AFTER_DONE_S = 2.0
"""Simulated time for the goal to hold after the policy said that it is done."""
SETTLE_S = 10.0
HOMING_S = 20.0
FRESH_S = 0.2
"""Simulated time for the cameras to have seen the new scene."""
STALLED_S = 120.0
RETRIES = 5


class EpisodeRunner:
    """Runs attempts one after another on a running stack and writes them into ``run``."""

    def __init__(self, session: Session, view: StackView, run: RunRecord) -> None:
        self._session = session
        self._view = view
        self._run = run
        self._instructions = InstructionClient(session)
        self._commands = session.node.create_publisher(JointTrajectory, "vla/joint_command", RELIABLE)
        self._joints: JointState | None = None
        self._gate_seen = ""

    def run(self, attempt: Attempt, on_change: Callable[[EpisodeRecord], None]) -> EpisodeRecord:
        """Bring the arm home, set the scene, give the sentence, wait for its end."""
        record = EpisodeRecord(attempt.sentence, attempt.task, attempt.color, attempt.scene_seed)
        self._run.episodes.append(record)
        on_change(record)
        self.arm_gate()
        self.go_home()
        self._reset_scene(attempt, record)
        counts = _counts(self._view.gate)
        first_latency = len(self._view.latencies)
        running = self._instructions.send(attempt.sentence, TIMEOUT_S)
        self._follow(attempt, record, running, on_change)
        if not running.ended:
            running.cancel()
        outcome = running.outcome(SETTLE_S)
        self._judge(attempt, record, outcome.name, outcome.message)
        self._wait_for_rest()
        record.gate = {name: after - counts[name] for name, after in _counts(self._view.gate).items()}
        self._keep_latencies(first_latency)
        self._mark(record)
        on_change(record)
        return record

    def arm_gate(self) -> None:
        """Arm the safety monitor when it is not. RefusedError when it stays stopped."""
        if self._view.gate is not None and self._view.gate_state not in ("DISARMED", "STOPPED"):
            return
        answer = self._session.call(Trigger, "vla/reset", Trigger.Request())
        if not answer.success:
            raise RefusedError(f"the safety monitor did not arm: {answer.message}")
        armed = ("HOLDING", "EXECUTING")
        if not self._session.wait_for(lambda: self._view.gate_state in armed, SETTLE_S):
            raise RefusedError(f"the safety monitor is {self._view.gate_state} after vla/reset")

    def go_home(self) -> None:
        """Through the gate like any other command. RefusedError when the arm does not get there."""
        subscription = self._session.subscribe(JointState, "joint_states", self._on_joints, BEST_EFFORT)
        try:
            self._joints = None
            if not self._session.wait_for(lambda: self._joints is not None, DISCOVERY_S):
                raise NotRunningError("joint_states", DISCOVERY_S)
            if not wait_until(lambda: self._commands.get_subscription_count() > 0, DISCOVERY_S):
                raise NotRunningError("the safety monitor (vla/joint_command)", DISCOVERY_S)
            for _ in range(RETRIES):
                if self._try_home():
                    return
                self.arm_gate()
            gate = self._view.gate
            raise RefusedError(f"the arm did not get home; the gate says: {gate.detail if gate else 'nothing'}")
        finally:
            self._session.node.destroy_subscription(subscription)

    def _try_home(self) -> bool:
        """One command home. False when the gate refused it or the arm stopped on the way."""
        self._wait_for_rest()
        assert self._joints is not None
        before = _counts(self._view.gate)
        self._commands.publish(homing_trajectory(self._joints))

        def settled() -> bool:
            gate = self._view.gate
            refused = gate is not None and gate.count_hold + gate.count_stop > before["hold"] + before["stop"]
            return self._at_home() or refused or self._view.gate_state in ("STOPPED", "DISARMED")

        self._session.wait_for(settled, HOMING_S)
        self._wait_for_rest()
        return self._at_home()

    def _at_home(self) -> bool:
        return self._joints is not None and is_home(self._joints)

    def _on_joints(self, message: JointState) -> None:
        self._joints = message

    def _wait_for_rest(self) -> None:
        self._session.wait_for(lambda: self._view.gate_state not in ("EXECUTING", "STOPPING"), SETTLE_S)

    def _reset_scene(self, attempt: Attempt, record: EpisodeRecord) -> None:
        request = ResetScene.Request(seed=attempt.scene_seed, task=attempt.task, target=attempt.color)
        answer = self._session.call(ResetScene, "sim/reset_scene", request)
        if not answer.success:
            raise RefusedError(f"sim/reset_scene was refused: {answer.message}")
        record.task, record.target = answer.task, answer.target
        # What the simulator says about the scene before must not be taken for this one.
        if not self._session.wait_for(lambda: self._is_fresh(attempt.scene_seed), SETTLE_S):
            raise NotRunningError("sim/episode of the new scene", SETTLE_S)

    def _is_fresh(self, seed: int) -> bool:
        episode = self._view.episode
        return episode is not None and episode.seed == seed and episode.elapsed_s >= FRESH_S

    def _follow(
        self,
        attempt: Attempt,
        record: EpisodeRecord,
        running: RunningInstruction,
        on_change: Callable[[EpisodeRecord], None],
    ) -> None:
        """Until the goal has held, the time is up, or the instruction has ended without it."""
        start_s = self._elapsed_s()
        ended_at_s: list[float] = []

        def over() -> bool:
            record.duration_s = self._elapsed_s() - start_s
            self._note_gate(record)
            on_change(record)
            if running.ended and not ended_at_s:
                ended_at_s.append(self._elapsed_s())
            episode = self._view.episode
            succeeded = attempt.judged and episode is not None and episode.success
            waited_out = bool(ended_at_s) and self._elapsed_s() > ended_at_s[0] + AFTER_DONE_S
            return succeeded or waited_out or record.duration_s > TIMEOUT_S

        if not self._session.wait_for(over, STALLED_S):
            raise NotRunningError("the end of an attempt (is simulated time standing still?)", STALLED_S)

    def _elapsed_s(self) -> float:
        return 0.0 if self._view.episode is None else self._view.episode.elapsed_s

    def _note_gate(self, record: EpisodeRecord) -> None:
        gate = self._view.gate
        if gate is None:
            return
        seen = f"{gate.header.stamp.sec}.{gate.header.stamp.nanosec}"
        if seen == self._gate_seen:
            return
        self._gate_seen = seen
        if gate.reason:
            record.gate_reasons[gate.reason] = record.gate_reasons.get(gate.reason, 0) + 1
        self._mark(record)

    def _mark(self, record: EpisodeRecord) -> None:
        """Keep for the video what holds from now on."""
        episode = self._view.episode
        if episode is not None:
            stamp = episode.header.stamp
            now_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
            self._run.events.append(Event(now_ns, record.instruction, self._view.gate_state, record.outcome))

    def _judge(self, attempt: Attempt, record: EpisodeRecord, ending: str, message: str) -> None:
        episode = self._view.episode
        assert episode is not None
        self._run.max_limit_violation = max(self._run.max_limit_violation, episode.max_limit_violation)
        record.message = message
        if not attempt.judged:
            record.outcome = "not judged"
            return
        record.success = bool(episode.success)
        record.wrong_object = bool(episode.wrong_object)
        if record.success:
            record.outcome = "success"
        elif record.wrong_object:
            record.outcome = "wrong object"
        else:
            plain = {"COMPLETED": "not done", "CANCELED": "timeout"}
            record.outcome = plain.get(ending, ending.lower().replace("_", " "))

    def _keep_latencies(self, first: int) -> None:
        for latency in self._view.latencies[first:]:
            if latency.instruction_id == 0:
                continue
            for stage, values in self._run.latencies_ms.items():
                values.append(float(getattr(latency, f"{stage}_ms")))


def _counts(gate: SafetyStatus | None) -> dict[str, int]:
    if gate is None:
        return {"pass": 0, "slow": 0, "hold": 0, "stop": 0}
    return {"pass": gate.count_pass, "slow": gate.count_slow, "hold": gate.count_hold, "stop": gate.count_stop}
