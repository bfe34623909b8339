"""The last samples of one stream, by header stamp."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Generic, TypeVar

Sample = TypeVar("Sample")


class StampedBuffer(Generic[Sample]):
    """Samples with strictly rising stamps [ns], the newest ``depth`` of the last ``span_ns``.

    A sample with the newest stamp again is dropped. A stamp that steps back starts the buffer anew: what came before
    was stamped by a clock that is no longer true.
    """

    def __init__(self, *, span_ns: int, depth: int) -> None:
        self._span_ns = span_ns
        self._samples: deque[tuple[int, Sample]] = deque(maxlen=depth)
        self.back_steps = 0

    def add(self, stamp_ns: int, sample: Sample) -> None:
        """Append a sample that has just come in."""
        if self._samples:
            newest = self._samples[-1][0]
            if stamp_ns == newest:
                return
            if stamp_ns < newest:
                self.back_steps += 1
                self._samples.clear()
        self._samples.append((stamp_ns, sample))
        while self._samples[0][0] < stamp_ns - self._span_ns:
            self._samples.popleft()

    def clear(self) -> None:
        """Forget all samples."""
        self._samples.clear()

    @property
    def newest_ns(self) -> int | None:
        """The newest stamp, or None."""
        return self._samples[-1][0] if self._samples else None

    def stamps_ns(self) -> list[int]:
        """All stamps, rising."""
        return [stamp for stamp, _ in self._samples]

    def between(self, low_ns: int, high_ns: int) -> tuple[int, Sample] | None:
        """The oldest sample in [low, high], or None."""
        for stamp, sample in self._samples:
            if low_ns <= stamp <= high_ns:
                return stamp, sample
        return None

    def nearest(self, stamp_ns: int) -> tuple[int, Sample] | None:
        """The sample nearest to a stamp, or None when there is none at all."""
        if not self._samples:
            return None
        stamps = self.stamps_ns()
        right = bisect_left(stamps, stamp_ns)
        around = [index for index in (right - 1, right) if 0 <= index < len(stamps)]
        return self._samples[min(around, key=lambda index: abs(stamps[index] - stamp_ns))]

    def rate_hz(self) -> float | None:
        """Samples per second by their stamps; None with fewer than two."""
        if len(self._samples) < 2:
            return None
        span_ns = self._samples[-1][0] - self._samples[0][0]
        return (len(self._samples) - 1) / (span_ns * 1e-9)
