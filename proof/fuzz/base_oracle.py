"""The judge of a base's gate: it knows the shipped limits and the published twists, and nothing of vla_core.safety."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proof.fuzz.journal import Escape, Journal, Rest
from proof.fuzz.polynomials import FloatArray

LINEAR, ANGULAR = slice(0, 3), slice(3, 6)
TOLERANCE = 1e-6  # of a limit, and [m/s, rad/s]: twists are stated as they are, only sums round
PERIOD_S = 0.01  # of the stream; a step after a longer gap is still one of at most two of them


@dataclass(frozen=True, slots=True)
class BaseLimits:
    """Of linear and angular speed, acceleration, jerk: (2,) each; the (6,) axes that exist; seconds of zeros."""

    speed: FloatArray
    acceleration: FloatArray
    jerk: FloatArray
    axes: NDArray[np.bool_]
    zeros_s: float = 0.5


class BaseOracle:
    """Finds escapes in journals."""

    def __init__(self, limits: BaseLimits) -> None:
        self._limits = limits
        self.peaks = dict.fromkeys(("speed", "twist_acceleration", "twist_jerk"), 0.0)

    def judge(self, journal: Journal) -> list[Escape]:
        """Every promise that was broken, in the order of time."""
        found = [*journal.failures]
        if journal.twists:
            at = np.array([at for at, _ in journal.twists])
            twists = np.array([twist for _, twist in journal.twists])
            found += [*self._values(at, twists), *self._rests(journal, at, twists), *self._end(at, twists)]
        return sorted(found, key=lambda escape: escape.at_ns)

    def _values(self, at: NDArray[np.int64], twists: FloatArray) -> Iterator[Escape]:
        bad = ~np.isfinite(twists).all(axis=1)
        if bad.any():
            yield Escape("finite", int(at[bad][0]), f"twist {twists[bad][0].tolist()}")
            return
        other = np.abs(twists[:, ~self._limits.axes]).max(axis=1) > TOLERANCE
        if other.any():
            yield Escape("axis", int(at[other][0]), f"twist {twists[other][0].tolist()} along a missing axis")
        for k, part in enumerate((LINEAR, ANGULAR)):
            yield from self._part(k, at, twists[:, part])

    def _part(self, k: int, at: NDArray[np.int64], twists: FloatArray) -> Iterator[Escape]:
        limits, kind = self._limits, ("linear", "angular")[k]
        yield from self._over("speed", at, np.linalg.norm(twists, axis=1), limits.speed[k], kind)
        if len(at) < 2:
            return
        passed = np.diff(at) * 1e-9
        # What changes within one step changes by what two command periods allow at most, however long the gap was.
        step = np.linalg.norm(np.diff(twists, axis=0), axis=1)
        allowed = limits.acceleration[k] * np.minimum(passed, 2.0 * PERIOD_S)
        yield from self._over("twist_acceleration", at[1:], step / (allowed + TOLERANCE), 1.0, kind)
        apart = np.append(True, passed > 0.0)  # two at one instant are one, the step above is none then
        at, twists, passed = at[apart], twists[apart], passed[passed > 0.0]
        if len(at) < 3:
            return
        mean = np.diff(twists, axis=0) / passed[:, None]
        # By the mean value theorem two mean accelerations differ by the jerk times the distance of their middles.
        between = 0.5 * (passed[1:] + passed[:-1])
        turn = np.linalg.norm(np.diff(mean, axis=0), axis=1)
        rounding = TOLERANCE * limits.acceleration[k] + 1e-12 / np.minimum(passed[1:], passed[:-1])
        share = turn / (limits.jerk[k] * between + rounding)
        yield from self._over("twist_jerk", at[2:], share, 1.0, kind)

    def _over(self, name: str, at: NDArray[np.int64], values: FloatArray, limit: float, kind: str) -> Iterator[Escape]:
        self.peaks[name] = max(self.peaks[name], float(values.max()) / limit)
        bad = values > limit * (1.0 + TOLERANCE)
        if bad.any():
            index = int(np.flatnonzero(bad)[0])
            detail = f"{kind} {values[index]:.9g}, the limit is {limit:.9g}; {int(bad.sum())} times"
            yield Escape(name, int(at[index]), detail, float(values[index]), limit)

    def _rests(self, journal: Journal, at: NDArray[np.int64], twists: FloatArray) -> Iterator[Escape]:
        if journal.first_armed_ns is None or at[0] < journal.first_armed_ns:
            yield Escape("disarmed", int(at[0]), "published before it was ever armed")
        moving: NDArray[np.bool_] = np.abs(twists).max(axis=1) > 0.0
        for rest in journal.rests:
            until = journal.end_ns if rest.until_ns is None else rest.until_ns
            yield from self._rest(rest, until, at, moving)

    @staticmethod
    def _rest(rest: Rest, until: int, at: NDArray[np.int64], moving: NDArray[np.bool_]) -> Iterator[Escape]:
        if rest.due_ns >= until:
            return
        standing = int(np.searchsorted(at, rest.due_ns, side="right")) - 1  # what holds when it is due
        later = np.flatnonzero(moving & (at > rest.due_ns) & (at < until))
        index = standing if standing >= 0 and moving[standing] else (int(later[0]) if len(later) else -1)
        if index >= 0:
            late = (max(int(at[index]), rest.due_ns) - rest.since_ns) * 1e-9
            yield Escape("rest", int(at[index]), f"still driven {late:.4f} s after {rest.cause}", late, rest.allowed_s)
        if rest.silent_after_s is not None:
            loud = (at > rest.due_ns + round(rest.silent_after_s * 1e9)) & (at < until)
            if loud.any():
                yield Escape("silence", int(at[loud][0]), f"published after {rest.cause}")

    def _end(self, at: NDArray[np.int64], twists: FloatArray) -> Iterator[Escape]:
        """Zeros at the end, for as long as promised."""
        moved = np.flatnonzero(twists.any(axis=1))
        if not len(moved):
            return
        zeros = at[moved[-1] + 1 :]
        lasted = (zeros[-1] - zeros[0]) * 1e-9 if len(zeros) else 0.0
        if lasted < self._limits.zeros_s - 3.0 * PERIOD_S:
            yield Escape("zeros", int(at[-1]), "too few zeros at the end", lasted, self._limits.zeros_s)
