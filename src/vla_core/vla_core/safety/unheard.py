"""A robot that is not heard may not hear either: what it does then, nobody knows."""

from __future__ import annotations

from vla_core.safety.decision import Decision, Verdict


class Unheard:
    """Silence towards a robot whose joint states do not come.

    The stop is sent once. If it arrives, the controller carries it out; if the link is cut, the controller comes to
    rest on what it had before. To go on sending would throw it, when the link is back, to where it would have been.
    So nothing more is sent until it has been heard for as long as anything ever sent takes: then it is at rest.
    """

    def __init__(self) -> None:
        self._told = False  # since it fell silent
        self._heard: float | None = None  # since when, after a silence
        self._silent = False
        self._lasts_s = 0.0  # the longest that was sent: which of them arrived last, nobody knows

    def hear(self, silent: bool, time: float) -> bool:
        """Once a command period. ``silent``: joint states are overdue. True once, when it is surely at rest again."""
        if silent:
            self._silent, self._heard = True, None
            return False
        if not self._silent:
            return False
        if self._heard is None:
            self._heard = time
        if time - self._heard < self._lasts_s:
            return False
        self._silent = self._told = False
        return True

    def refusal(self) -> Verdict | None:
        """Why nothing may be planned yet."""
        if self._heard is None or not self._silent:
            return None
        detail = "joint states are back; the controller is left to come to rest, plan again in a moment"
        return Verdict(Decision.HOLD, "receipt_age", "joint_state_back", detail, brakes=False)

    @property
    def mute(self) -> bool:
        """Whether nothing may be sent."""
        return self._silent and (self._told or self._heard is not None)

    def sent(self, lasts_s: float) -> None:
        """Something was sent that takes ``lasts_s`` [s]."""
        self._told, self._lasts_s = self._silent, max(self._lasts_s, lasts_s)
