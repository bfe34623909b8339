"""Twists of a mobile base: finite, in its frame, along the axes it has, at speeds it may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_core.errors import LimitsError
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.proposal import NO_EVIDENCE, Evidence, Trace
from vla_core.safety.rules.times import LENGTH, SPACING
from vla_core.types import FloatArray

AXES = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class TwistProposal:
    """Base velocities that somebody wants, unchecked.

    frame_id: their frame; empty means the base's own. times_s: (N,) from ``t0_ns``, None: from now.
    twists: (N, 6) [m/s, rad/s].
    """

    trace: Trace
    frame_id: str
    times_s: FloatArray
    twists: FloatArray
    t0_ns: int | None = None
    speed_scale: float = 1.0
    evidence: Evidence = NO_EVIDENCE


class TwistShapeRule:
    """Refuses what is not finite, is empty or unordered, is in another frame, or uses an axis the base lacks."""

    name = "twist_shape"

    def __init__(self, frame_id: str, axes: Sequence[str]) -> None:
        unknown = set(axes) - set(AXES)
        if unknown or not axes:
            raise LimitsError(f"twist axes {', '.join(sorted(unknown)) or '(none)'} unknown; valid: {', '.join(AXES)}")
        self._frame_id = frame_id
        self._lacking = [axis not in axes for axis in AXES]

    def check(self, proposal: TwistProposal) -> Verdict | None:
        """HOLD with what is wrong."""
        for field in ("times_s", "twists"):
            if not np.isfinite(getattr(proposal, field)).all():
                return self._refuse("nonfinite", f"{field} holds a value that is not finite")
        if not np.isfinite(proposal.speed_scale):
            return self._refuse("nonfinite", "speed_scale is not finite")
        if not len(proposal.times_s) or proposal.twists.shape != (len(proposal.times_s), 6):
            return self._refuse("dimensions", "send at least one twist, and a time for each")
        if not 0.0 < proposal.speed_scale <= 1.0:
            return self._refuse("dimensions", "speed_scale must be in (0, 1]", proposal.speed_scale)
        if proposal.frame_id not in ("", self._frame_id):
            return self._refuse("frame", f"frame {proposal.frame_id!r} is not {self._frame_id!r}; transform it first")
        steps = np.diff(proposal.times_s)
        if proposal.times_s[0] < 0.0 or (steps < SPACING.value).any() or proposal.times_s[-1] > LENGTH.value:
            return self._refuse("times_order", f"times must rise from 0 to at most {LENGTH.value} s")
        unusable = np.abs(proposal.twists[:, self._lacking])
        if (unusable > _ROUNDING).any():
            detail = "the base cannot move along an axis that is not zero; see the parameter twist_axes"
            return self._refuse("twist_axis", detail, float(unusable.max()))
        return None

    def _refuse(self, reason: str, detail: str, value: float = float("nan")) -> Verdict:
        return Verdict(Decision.HOLD, self.name, reason, detail, value)


class TwistSpeedRule:
    """Slows down, along the same curve, what is faster than a limit."""

    name = "twist_speed"
    reason = "velocity_limit"

    def __init__(self, linear: Limit, angular: Limit) -> None:
        self._limits = ((slice(3), linear), (slice(3, None), angular))

    def check(self, proposal: TwistProposal) -> Verdict | None:
        """SLOW by the scale that just cures it."""
        worst, scale = None, 1.0
        for part, limit in self._limits:
            speed = float(np.linalg.norm(proposal.twists[:, part], axis=1).max())
            if scale * speed > limit.value:
                scale = limit.value / speed
                detail = f"{speed:.3f} {limit.unit} is above {limit.value:.3f} {limit.unit}"
                worst = Verdict(Decision.SLOW, self.name, self.reason, detail, speed, limit.value, scale=scale)
        return worst
