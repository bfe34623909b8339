"""Which chunks are used at all: judged by their stamps alone."""

from __future__ import annotations

from vla_core.chunking.config import NS_PER_S, Dropped

TOLERANCE_S = 0.5  # a step back of the clock by more than this is a new run


class Admission:
    """Admits chunks in the order of their observations, as long as some of their actions lie ahead."""

    def __init__(self) -> None:
        self._newest_t0_ns: int | None = None
        self._latest_now_ns: int | None = None

    def admit(self, t0_ns: int, end_ns: int, now_ns: int, splice_ns: int) -> Dropped | None:
        """None for a chunk of [``t0_ns``, ``end_ns``] that is used from ``splice_ns`` on, else why it is not."""
        back_s = 0.0 if self._latest_now_ns is None else (self._latest_now_ns - now_ns) / NS_PER_S
        if back_s > TOLERANCE_S:
            return Dropped("clock_went_back", f"now is {back_s:.3f} s before the last chunk's; reset is needed")
        if t0_ns > splice_ns:
            ahead_s = (t0_ns - now_ns) / NS_PER_S
            return Dropped("from_future", f"t0 is {ahead_s:.3f} s ahead of now; the clocks disagree")
        if self._newest_t0_ns is not None and t0_ns <= self._newest_t0_ns:
            older_s = (self._newest_t0_ns - t0_ns) / NS_PER_S
            return Dropped("out_of_order", f"t0 is {older_s:.3f} s before that of the newest chunk")
        if end_ns <= splice_ns:
            late_s = (splice_ns - end_ns) / NS_PER_S
            return Dropped("late", f"the last action was due {late_s:.3f} s before the splice; all actions are past")
        self._newest_t0_ns, self._latest_now_ns = t0_ns, now_ns
        return None
