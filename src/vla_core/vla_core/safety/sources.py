"""One commander at a time."""

from __future__ import annotations

from vla_core.safety.decision import Decision, Verdict


class SourceRule:
    """Refuses a second commander while the first one's plan runs, and for ``grace_s`` after it."""

    name = "source"
    reason = "source_busy"

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._holder = ""
        self._until = 0.0

    def check(self, source: str, time: float) -> Verdict | None:
        """HOLD for the newcomer; ``time``: stream time [s]."""
        if source == self._holder or time >= self._until:
            return None
        detail = f"{self._holder} has the gate; wait until its plan ends"
        return Verdict(Decision.HOLD, self.name, self.reason, detail, brakes=False)

    def take(self, source: str, until: float) -> None:
        """``source`` holds the gate until stream time ``until`` and the grace after it."""
        self._holder, self._until = source, until + self._grace_s

    def shorten(self, until: float) -> None:
        """The holder's plan was given up and comes to rest at stream time ``until``."""
        self._until = min(self._until, until + self._grace_s)

    def release(self) -> None:
        """Nobody holds the gate."""
        self._holder, self._until = "", 0.0
