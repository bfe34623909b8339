"""What is known of the live robot. Plain values: whoever asks the ROS graph fills them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vla_core.urdf import UrdfJoint

RELIABILITIES = ("reliable", "best_effort")
DURABILITIES = ("transient_local", "volatile")


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """One camera as it was measured.

    topic: where its images come from. width, height: of the newest image [pixel]; None: none has come.
    encoding: of ``sensor_msgs/Image``, or the format of ``CompressedImage``. compressed: which of the two.
    rate_hz: by header stamps; None: fewer than two images.
    """

    name: str
    topic: str
    width: int | None = None
    height: int | None = None
    encoding: str | None = None
    compressed: bool = False
    rate_hz: float | None = None


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """QoS of one publisher of a topic: one of ``RELIABILITIES`` and ``DURABILITIES``."""

    node: str
    reliability: str
    durability: str


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic that is subscribed to: what is requested, and every publisher that offers it."""

    topic: str
    reliability: str
    durability: str
    publishers: tuple[EndpointFacts, ...]


@dataclass(frozen=True, slots=True)
class RobotFacts:
    """The live robot.

    joints: of the URDF, as ``parse_urdf`` gives them; None: the robot has no description (a base).
    state: name -> position of the newest joint state [rad] or [m]; None: none has come.
    cameras: those that the robot's configuration names.
    topics: those that the policy's inputs come from.
    """

    joints: Mapping[str, UrdfJoint] | None
    state: Mapping[str, float] | None
    cameras: tuple[CameraFacts, ...] = ()
    topics: tuple[TopicFacts, ...] = field(default=())

    @property
    def links(self) -> tuple[str, ...]:
        """All links that a joint connects, sorted."""
        joints = (self.joints or {}).values()
        return tuple(sorted({joint.parent for joint in joints} | {joint.child for joint in joints}))
