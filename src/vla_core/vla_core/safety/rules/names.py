"""The joints commanded are exactly the robot's. Another order is fine: values go by name."""

from __future__ import annotations

from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.proposal import Proposal


class NamesRule:
    """Refuses unknown, missing and repeated joints.

    joints: those of the arm. gripper: its joint, or None when the robot has none.
    """

    name = "names"
    reason = "joint_names"

    def __init__(self, joints: tuple[str, ...], gripper: str | None) -> None:
        self._joints = joints
        self._gripper = gripper

    def check(self, proposal: Proposal) -> Verdict | None:
        """HOLD naming what differs."""
        names = proposal.joint_names
        wrong = set(names) ^ set(self._joints) or {name for name in names if names.count(name) > 1}
        if wrong:
            return self._refuse(f"joints {', '.join(sorted(wrong))} are unknown, missing or repeated")
        if proposal.gripper_joint is not None and proposal.gripper_joint != self._gripper:
            return self._refuse(f"gripper {proposal.gripper_joint!r} is not {self._gripper!r}")
        return None

    def _refuse(self, what: str) -> Verdict:
        detail = f"{what}; name exactly {', '.join(self._joints)}"
        return Verdict(Decision.HOLD, self.name, self.reason, detail)
