"""What the running stack tells: the newest message of each status topic."""

from __future__ import annotations

from dataclasses import dataclass, field

from vla_bringup.graph.session import EVERY_ONE, LATCHED, RELIABLE, Session
from vla_msgs.msg import EpisodeStatus, InferenceStatus, Latency, SafetyStatus


def names_of(message_type: type, names: tuple[str, ...]) -> dict[int, str]:
    """Constant -> name of a message's enumeration."""
    return {int(getattr(message_type, name)): name for name in names}


GATE_STATES = names_of(SafetyStatus, ("DISARMED", "HOLDING", "EXECUTING", "STOPPING", "STOPPED"))
DECISIONS = names_of(SafetyStatus, ("NONE", "PASS", "SLOW", "HOLD", "STOP"))
INFERENCE_STATES = names_of(InferenceStatus, ("IDLE", "RUNNING", "STARVED", "WORKER_DOWN", "INACTIVE"))


@dataclass
class StackView:
    """Newest messages; None until the first one. ``latencies`` keeps all of them.

    max_limit_violation: largest that the simulator has reported in any episode; each episode counts anew.
    """

    gate: SafetyStatus | None = None
    inference: InferenceStatus | None = None
    latency: Latency | None = None
    episode: EpisodeStatus | None = None
    latencies: list[Latency] = field(default_factory=list)
    max_limit_violation: float = 0.0

    @property
    def gate_state(self) -> str:
        """Name of the safety monitor's state."""
        return "unknown" if self.gate is None else GATE_STATES.get(self.gate.state, str(self.gate.state))

    @property
    def inference_state(self) -> str:
        """Name of inference_node's state."""
        if self.inference is None:
            return "unknown"
        return INFERENCE_STATES.get(self.inference.state, str(self.inference.state))


def watch(session: Session, *, simulator: bool = False) -> StackView:
    """Subscribe to the status topics; the view fills as messages come."""
    view = StackView()

    def on_gate(message: SafetyStatus) -> None:
        view.gate = message

    def on_inference(message: InferenceStatus) -> None:
        view.inference = message

    def on_latency(message: Latency) -> None:
        view.latency = message
        view.latencies.append(message)

    def on_episode(message: EpisodeStatus) -> None:
        view.episode = message
        view.max_limit_violation = max(view.max_limit_violation, message.max_limit_violation)

    session.subscribe(SafetyStatus, "vla/safety_status", on_gate, LATCHED)
    session.subscribe(InferenceStatus, "vla/inference_status", on_inference, LATCHED)
    session.subscribe(Latency, "vla/latency", on_latency, EVERY_ONE)
    if simulator:
        session.subscribe(EpisodeStatus, "sim/episode", on_episode, RELIABLE)
    return view


def gate_counts(gate: SafetyStatus | None) -> dict[str, int]:
    """Decisions since the last arming, by name."""
    if gate is None:
        return {"pass": 0, "slow": 0, "hold": 0, "stop": 0}
    return {"pass": gate.count_pass, "slow": gate.count_slow, "hold": gate.count_hold, "stop": gate.count_stop}
