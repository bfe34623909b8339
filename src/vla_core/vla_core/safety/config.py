"""Everything the gate of an arm is told at load."""

from __future__ import annotations

from dataclasses import dataclass, field

from vla_core.errors import LimitsError
from vla_core.limits import JointLimits
from vla_core.safety.braking import Brake
from vla_core.safety.clock import ClockConfig
from vla_core.safety.decision import Limit
from vla_core.safety.rules.effort import PATIENCE as EFFORT_PATIENCE
from vla_core.safety.stream import StreamConfig
from vla_core.safety.upstream import UpstreamConfig
from vla_core.safety.workspace.model import CollisionModel

JOINT_STATE_AGE = Limit(0.1, "s", "ten periods of a 100 Hz joint state")
STEP = Limit(0.25, "rad or m", "further than an arm at full speed gets within the age of a state")
TRACKING = Limit(0.25, "rad or m", "twice the lag of a healthy position controller at full speed")
TRACKING_PATIENCE = Limit(0.1, "s", "a late joint state is not a collision")


@dataclass(frozen=True, slots=True)
class GateConfig:
    """Limits of one arm and its gate; checked as a whole when made.

    limits: of the arm's joints, in the order of the robot's command. gripper: of its one joint, or None.
    collision: the arm in its workspace; None: not checked.
    promised_stop_s: from a decision to rest, at full speed.
    quiet_after_s: how long the stream goes on after coming to rest; then it is silent, the controller holds.
    refusals_to_stop: plans refused in a row, for what they contain, that latch a stop.
    recovery_per_s: how fast the speed in force recovers after a plan had to be slowed.
    upstream: what is asked of a planner.
    effort_share: of the effort limits that a measured effort may reach.
    hold_error: how far from where it holds the arm a controller may let it sag before it is first commanded [rad or m].
    """

    limits: JointLimits
    gripper: JointLimits | None = None
    collision: CollisionModel | None = None
    stream: StreamConfig = field(default_factory=StreamConfig)
    clock: ClockConfig = field(default_factory=ClockConfig)
    brake_share: float = 1.0
    period_s: float = 0.01
    promised_stop_s: float = 0.4
    quiet_after_s: float = 0.5
    source_grace_s: float = 0.2
    refusals_to_stop: int = 10
    recovery_per_s: float = 1.0
    upstream: UpstreamConfig = field(default_factory=UpstreamConfig)
    joint_state_age: Limit = JOINT_STATE_AGE
    step: Limit = STEP
    tracking: Limit = TRACKING
    tracking_patience: Limit = TRACKING_PATIENCE
    effort_share: float = 1.0
    effort_patience: Limit = EFFORT_PATIENCE
    hold_error: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.brake_share <= 1.0:
            raise LimitsError(f"brake_share {self.brake_share} must be in (0, 1]")
        if not 0.0 < self.effort_share <= 1.0:
            raise LimitsError(f"effort_share {self.effort_share} must be in (0, 1]")
        if self.gripper is not None and len(self.gripper) != 1:
            raise LimitsError(f"a gripper has one joint, not {len(self.gripper)}; name the one that the others mimic")
        if self.collision is not None and self.collision.joint_names != self.limits.joint_names:
            raise LimitsError(
                f"the collision model has the joints {self.collision.joint_names}, the limits "
                f"{self.limits.joint_names}; make both for the same joints in the same order"
            )
        self.brake.require(self.promised_stop_s, self.period_s)

    @property
    def brake(self) -> Brake:
        """How the arm stops."""
        return Brake(self.limits, self.brake_share)
