"""What a chunk carries as evidence that its inputs live: stamps that advance, pictures that change while it moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.proposal import CameraEvidence, Evidence
from vla_core.safety.rules.ages import FUTURE
from vla_core.types import FloatArray

AGE = Limit(1.0, "s", "older images show another scene")
STALL = Limit(0.3, "s", "nine periods of a 30 Hz camera, three of a slow one at 10 Hz")
MOTION = Limit(0.02, "rad or m", "one to two centimetres at the tool: some pixel of 96 x 96 sees it, noise aside")


@dataclass(frozen=True, slots=True)
class EvidenceConfig:
    """required: cameras without which no plan is believed; may be empty.
    still: fixed cameras without noise, as simulators have them, whose picture need not change when the robot moves.
    age: of camera and joint state stamps, ROS time. stall: how long a camera's stamp may not advance, steady time.
    motion: how far the robot moves before the picture must have changed.
    """

    required: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    age: Limit = AGE
    stall: Limit = STALL
    motion: Limit = MOTION


@dataclass(frozen=True, slots=True)
class _Seen:
    """A camera: its newest stamp, when that came (steady), its picture, and where the robot was when that appeared."""

    stamp_ns: int
    advanced_ns: int
    content_hash: int
    place: FloatArray | None


class EvidenceRule:
    """Holds, and brakes, when a plan rests on a camera that is missing, stands still, or shows an old picture.

    The plan that runs was made with the same dead eyes. A robot at rest before a picture that does not change is fine:
    simulated cameras have no noise.
    """

    name = "evidence"

    def __init__(self, config: EvidenceConfig) -> None:
        self._config = config
        self._seen: dict[str, _Seen] = {}

    def forget(self) -> None:
        """A new beginning."""
        self._seen = {}

    def check(self, evidence: Evidence, place: Callable[[int], FloatArray | None], now: Now) -> Verdict | None:
        """HOLD with the camera; ``place``: where the robot was at a ROS time [rad or m], None: not known."""
        named = {camera.name for camera in evidence.cameras}
        lacking = [name for name in self._config.required if name not in named]
        if lacking:
            return self._refuse("camera_missing", f"no evidence of {', '.join(lacking)}; see required_cameras")
        seen, faults = self._seen, []
        self._seen = {}  # what a plan no longer names is forgotten
        for camera in evidence.cameras:
            here = place(camera.stamp_ns)
            record = _updated(seen.get(camera.name), camera, here, now)
            self._seen[camera.name] = record
            frozen = None if camera.name in self._config.still else self._frozen(record, here)
            faults.append((camera, self._aged(camera, now) or self._stalled(record, now) or frozen))
        for camera, fault in faults:
            if fault is not None:
                reason, detail, value, limit = fault
                return self._refuse(reason, f"camera {camera.name!r} {detail}", value, limit)
        return self._joints(evidence.joint_state_ns, now)

    def _aged(self, camera: CameraEvidence, now: Now) -> tuple[str, str, float, float] | None:
        age, limit = (now.ros_ns - camera.stamp_ns) * 1e-9, self._config.age.value
        if age > limit:
            return "camera_stale", f"saw this {age:.3f} s ago; see whether it still sends", age, limit
        if age < -FUTURE.value:
            return "camera_future", "is stamped ahead of now; synchronize clocks", age, FUTURE.value
        return None

    def _stalled(self, record: _Seen, now: Now) -> tuple[str, str, float, float] | None:
        still, limit = (now.steady_ns - record.advanced_ns) * 1e-9, self._config.stall.value
        if still <= limit:
            return None
        detail = f"has sent nothing new for {still:.3f} s, while plans come; see its driver"
        return "camera_stalled", detail, still, limit

    def _frozen(self, record: _Seen, here: FloatArray | None) -> tuple[str, str, float, float] | None:
        if here is None or not record.content_hash:
            return None
        assert record.place is not None  # it had one, or got this
        moved, limit = float(np.abs(here - record.place).max()), self._config.motion.value
        if moved <= limit:
            return None
        return "camera_frozen", f"shows the same picture after a motion of {moved:.3f}; restart it", moved, limit

    def _joints(self, stamp_ns: int, now: Now) -> Verdict | None:
        age, limit = (now.ros_ns - stamp_ns) * 1e-9, self._config.age.value
        if not stamp_ns or -FUTURE.value <= age <= limit:
            return None
        detail = f"the plan rests on joint states of {age:.3f} s ago; see whether they reach the planner"
        return self._refuse("chunk_joint_state_stale", detail, age, limit)

    def _refuse(self, reason: str, detail: str, value: float = float("nan"), limit: float = float("nan")) -> Verdict:
        return Verdict(Decision.HOLD, self.name, reason, detail, value, limit)


def _updated(last: _Seen | None, camera: CameraEvidence, here: FloatArray | None, now: Now) -> _Seen:
    if last is None:
        return _Seen(camera.stamp_ns, now.steady_ns, camera.content_hash, here)
    advances = camera.stamp_ns > last.stamp_ns
    same = camera.content_hash == last.content_hash and last.place is not None
    return _Seen(
        max(camera.stamp_ns, last.stamp_ns),
        now.steady_ns if advances else last.advanced_ns,
        camera.content_hash,
        last.place if same else here,
    )
