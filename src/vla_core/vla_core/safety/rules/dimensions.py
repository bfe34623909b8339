"""Arrays fit each other, and the speed asked for is a speed."""

from __future__ import annotations

from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.proposal import Proposal

POINTS = Limit(2000.0, "points", "40 s at a point every 20 ms; checking more would hold up every other input")


class DimensionsRule:
    """Refuses plans without points or with too many, arrays that do not fit, and a speed_scale outside (0, 1]."""

    name = "dimensions"
    reason = "dimensions"

    def check(self, proposal: Proposal) -> Verdict | None:
        """HOLD with the array that does not fit."""
        points, joints = len(proposal.times_s), len(proposal.joint_names)
        if points == 0:
            return self._refuse("the plan is empty; send at least one point", 0.0, 1.0)
        if points > POINTS.value:
            return self._refuse(f"the plan has {points} points; send it in parts", float(points), POINTS.value)
        for field in ("positions", "velocities", "accelerations"):
            values = getattr(proposal, field)
            if values is not None and values.shape != (points, joints):
                return self._refuse(f"{field} is {values.shape}, must be {(points, joints)}", float(values.size))
        if proposal.accelerations is not None and proposal.velocities is None:
            return self._refuse("accelerations without velocities; send both or neither")
        grip = proposal.gripper_positions
        if (grip is None) != (proposal.gripper_joint is None) or (grip is not None and grip.shape != (points,)):
            return self._refuse(f"gripper positions must be one for each of {points} points and name their joint")
        if not 0.0 < proposal.speed_scale <= 1.0:
            return self._refuse("speed_scale must be in (0, 1]", proposal.speed_scale, 1.0)
        return None

    def _refuse(self, detail: str, value: float = float("nan"), limit: float = float("nan")) -> Verdict:
        return Verdict(Decision.HOLD, self.name, self.reason, detail, value, limit)
