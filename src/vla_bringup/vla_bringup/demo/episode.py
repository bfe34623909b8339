"""One attempt: a fresh scene, one sentence, and what the simulator says about it."""

from __future__ import annotations

from collections.abc import Callable

from vla_bringup.demo.attempts import Attempt
from vla_bringup.demo.records import EpisodeRecord, Event, RunRecord
from vla_bringup.demo.way_home import WayHome
from vla_bringup.errors import NotRunningError, RefusedError
from vla_bringup.graph.instruction import InstructionClient, RunningInstruction
from vla_bringup.graph.session import Session
from vla_bringup.graph.stack_view import StackView, gate_counts
from vla_msgs.msg import EpisodeStatus
from vla_msgs.srv import ResetScene

TIMEOUT_S = 15.0
"""Simulated time an attempt may take."""
AFTER_DONE_S = 2.0
"""Simulated time for the goal to hold after the policy said that it is done."""
SETTLE_S = 10.0
FRESH_S = 0.2
"""Simulated time for the cameras to have seen the new scene."""
STALLED_S = 120.0
TICK_S = 0.02
"""Simulated time by which a status may be off."""


def began_s(episode: EpisodeStatus | None) -> float:
    """Simulated time at which the scene was set; before everything when nothing is known of it."""
    if episode is None:
        return float("-inf")
    return float(episode.header.stamp.sec + episode.header.stamp.nanosec * 1e-9 - episode.elapsed_s)


class EpisodeRunner:
    """Runs attempts one after another on a running stack and writes them into ``run``."""

    def __init__(self, session: Session, view: StackView, run: RunRecord, way_home: WayHome) -> None:
        self._session = session
        self._view = view
        self._run = run
        self._instructions = InstructionClient(session)
        self._way_home = way_home
        self._gate_seen = ""

    def run(self, attempt: Attempt, on_change: Callable[[EpisodeRecord], None]) -> EpisodeRecord:
        """Bring the arm home, set the scene, give the sentence, wait for its end."""
        record = EpisodeRecord(attempt.sentence, attempt.task, attempt.color, attempt.scene_seed)
        self._run.episodes.append(record)
        on_change(record)
        self._way_home.go()
        self._reset_scene(attempt, record)
        counts = gate_counts(self._view.gate)
        first_latency = len(self._view.latencies)
        running = self._instructions.send(attempt.sentence, TIMEOUT_S)
        self._follow(attempt, record, running, on_change)
        if not running.ended:
            running.cancel()
        outcome = running.outcome(SETTLE_S)
        self._judge(attempt, record, outcome.name, outcome.message)
        self._way_home.wait_for_rest()
        record.gate = {name: after - counts[name] for name, after in gate_counts(self._view.gate).items()}
        self._keep_latencies(first_latency)
        self._mark(record)
        on_change(record)
        return record

    def _reset_scene(self, attempt: Attempt, record: EpisodeRecord) -> None:
        request = ResetScene.Request(seed=attempt.scene_seed, task=attempt.task, target=attempt.color)
        asked_s = began_s(self._view.episode) + self._elapsed_s()
        answer = self._session.call(ResetScene, "sim/reset_scene", request)
        if not answer.success:
            raise RefusedError(f"sim/reset_scene was refused: {answer.message}")
        record.task, record.target = answer.task, answer.target
        # What the simulator says about the scene before must not be taken for this one.
        if not self._session.wait_for(lambda: self._is_fresh(attempt.scene_seed, asked_s), SETTLE_S):
            raise NotRunningError("sim/episode of the new scene", SETTLE_S)

    def _is_fresh(self, seed: int, asked_s: float) -> bool:
        """The seed alone does not tell: the scene that the simulator starts with may be the first attempt's."""
        episode = self._view.episode
        if episode is None or episode.seed != seed:
            return False
        return began_s(episode) > asked_s - TICK_S and episode.elapsed_s >= FRESH_S

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
            self._run.events.append(
                Event(
                    t=stamp.sec + stamp.nanosec * 1e-9,
                    instruction=record.instruction,
                    gate_state=self._view.gate_state,
                    outcome=record.outcome,
                )
            )

    def _judge(self, attempt: Attempt, record: EpisodeRecord, ending: str, message: str) -> None:
        episode = self._view.episode
        assert episode is not None
        self._run.max_limit_violation = self._view.max_limit_violation  # the ways home before it count too
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
