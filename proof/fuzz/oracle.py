"""The judge of an arm's gate: it knows the robot's files and the published messages, and nothing of vla_core.safety."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from proof.fuzz.controller import Published, executable
from proof.fuzz.journal import Escape, Journal, Rest
from proof.fuzz.limits import Limits
from proof.fuzz.polynomials import FloatArray, derivative, extremes, quintic

# Over a limit by no more than this is rounding. A message states times in whole nanoseconds: half of one at 2.6 rad/s
# is 1.3e-9 rad of a knot's place. A quintic of h seconds turns that into 1.9 / h, 5.8 / h^2, 60 / h^3 of it: over
# 1 ms, the shortest phase of a stop, 2.5e-6 rad/s and 7.5e-3 rad/s^2; jerk matters at 10 ms, where it is 0.08 rad/s^3.
# Besides, a planner may use a limit itself, to one millionth of it.
POSITION_TOLERANCE = 1e-6  # [rad]
VELOCITY_TOLERANCE = 1e-5  # of the limit
ACCELERATION_TOLERANCE = 1e-3  # of the limit
JERK_TOLERANCE = 1e-3  # of the limit
STILL = 1e-9  # [rad, rad/s, rad/s^2], a path that changes less stands still
LED = 1e-6  # [rad], a command this near to where the arm was measured is one to be there
LEADS_NS = 100_000_000  # a message of rest reaches 80 ms ahead
GRIP_TOLERANCE = 1e-9  # [m]


class ArmOracle:
    """Finds escapes in journals. gripper: limits of its one joint."""

    def __init__(self, limits: Limits, gripper: Limits) -> None:
        self._limits = limits
        self._gripper = gripper
        self.peaks = dict.fromkeys(("velocity", "acceleration", "jerk"), 0.0)  # largest share of a limit seen

    def judge(self, journal: Journal) -> list[Escape]:
        """Every promise that was broken, in the order of time."""
        shaped = [message for message in journal.messages if executable(message)]
        found = [
            *journal.failures,
            *self._shapes(journal.messages),
            *self._limits_kept(journal, shaped),
            *self._rests(journal, shaped),
            *self._grip(journal),
        ]
        return sorted(found, key=lambda escape: escape.at_ns)

    def _shapes(self, messages: list[Published]) -> Iterator[Escape]:
        for message in messages:
            times = np.array(message.times_ns, dtype=np.float64)
            if not len(times) or message.states.shape != (len(times), *message.start.shape):
                yield Escape("shape", message.at_ns, f"{len(times)} times for states {message.states.shape}")
                continue
            if not np.isfinite(message.states).all():
                yield Escape("finite", message.at_ns, "a value is not finite")
            if times[0] <= 0 or (np.diff(times) <= 0).any():
                yield Escape("times", message.at_ns, f"times {message.times_ns} ns do not increase from 0")
            if message.states[-1, 1:].any():
                detail = f"the last point has {message.states[-1, 1:].tolist()}"
                yield Escape("ends_at_rest", message.at_ns, detail)

    def _limits_kept(self, journal: Journal, messages: list[Published]) -> Iterator[Escape]:
        """Each message to its end, for it may be the last, by the exact extrema of every segment."""
        if not messages:
            return
        limits, joints = self._limits, len(self._limits.names)
        counts = [len(message.times_ns) for message in messages]
        times = [np.array((0, *message.times_ns), dtype=np.float64) for message in messages]
        h = np.concatenate([np.diff(row) for row in times]) * 1e-9
        knots = [np.concatenate([message.start[None], message.states]) for message in messages]
        before = np.concatenate([rows[:-1] for rows in knots]).transpose(0, 2, 1).reshape(-1, 3)
        after = np.concatenate([rows[1:] for rows in knots]).transpose(0, 2, 1).reshape(-1, 3)
        lower, upper = self._bounds(journal, messages, counts)
        check = _Segments(quintic(before, after, np.repeat(h, joints)), np.repeat(h, joints), joints)
        at = np.repeat([message.at_ns for message in messages], counts)
        rules = (
            ("jerk", check.jerk(), limits.jerk, JERK_TOLERANCE),
            ("acceleration", check.acceleration(), limits.acceleration, ACCELERATION_TOLERANCE),
            ("velocity", check.velocity(limits.velocity), limits.velocity, VELOCITY_TOLERANCE),
        )
        for name, peaks, limit, tolerance in rules:
            share = peaks / limit
            self.peaks[name] = max(self.peaks[name], float(share.max()))
            yield from self._over(name, at, share - 1.0 > tolerance, peaks, np.broadcast_to(limit, peaks.shape))
        low, high = check.position(lower, upper)
        yield from self._over("position", at, lower - low > POSITION_TOLERANCE, low, lower)
        yield from self._over("position", at, high - upper > POSITION_TOLERANCE, high, upper)

    def _bounds(self, journal: Journal, messages: list[Published], counts: list[int]) -> tuple[FloatArray, FloatArray]:
        """Limits (S, J) for each segment: an arm that stood outside may come back, never go further out."""
        anchor, rows = journal.home, []
        for message in messages:
            if np.abs(message.start[1:]).max() <= STILL:
                anchor = message.start[0]
            rows.append(anchor)
        stood = np.repeat(np.array(rows), counts, axis=0)
        return np.minimum(self._limits.lower, stood), np.maximum(self._limits.upper, stood)

    def _over(
        self, name: str, at: NDArray[np.int64], bad: NDArray[np.bool_], values: FloatArray, limits: FloatArray
    ) -> Iterator[Escape]:
        if bad.any():
            row, joint = (int(index) for index in np.argwhere(bad)[0])
            number, limit = float(values[row, joint]), float(limits[row, joint])
            detail = f"{self._limits.names[joint]} reaches {number:.9g}, the limit is {limit:.9g}"
            yield Escape(name, int(at[row]), f"{detail}; {int(bad.any(axis=1).sum())} segments", number, limit)

    def _rests(self, journal: Journal, messages: list[Published]) -> Iterator[Escape]:
        if journal.messages and (journal.first_armed_ns is None or journal.messages[0].at_ns < journal.first_armed_ns):
            yield Escape("disarmed", journal.messages[0].at_ns, "published before it was ever armed")
        if not messages:
            return
        executed = _Executed(journal, messages, self._limits)
        for rest in journal.rests:
            yield from executed.broken(rest, journal.end_ns if rest.until_ns is None else rest.until_ns)

    def _grip(self, journal: Journal) -> Iterator[Escape]:
        lower, upper = float(self._gripper.lower[0]), float(self._gripper.upper[0])
        speed = float(self._gripper.velocity[0])
        last: tuple[int, float] | None = None
        for message in journal.messages:
            if message.gripper is None:
                continue
            grip = message.gripper
            if not np.isfinite(grip) or not lower <= grip <= upper:
                yield Escape("gripper_range", message.at_ns, f"gripper set-point {grip}", grip, upper)
            elif last is not None:
                allowed = speed * (message.at_ns - last[0]) * 1e-9 + GRIP_TOLERANCE
                if abs(grip - last[1]) > allowed:
                    yield Escape("gripper_speed", message.at_ns, "gripper set-point jumps", grip - last[1], allowed)
            last = (message.at_ns, grip)
        for rest in journal.rests:
            yield from self._kept(rest, journal)

    @staticmethod
    def _kept(rest: Rest, journal: Journal) -> Iterator[Escape]:
        if not rest.keeps_grip:
            return
        until = journal.end_ns if rest.until_ns is None else rest.until_ns
        set_point: float | None = None
        for message in journal.messages:
            if message.at_ns >= until:
                return
            if message.at_ns > rest.since_ns and set_point is not None and message.gripper != set_point:
                now = float("nan") if message.gripper is None else message.gripper
                yield Escape("gripper_stop", message.at_ns, f"moved by {rest.cause}", now, set_point)
                return
            set_point = message.gripper


class _Executed:
    """Which message was executed when, and whether it moves anything. All (M,)."""

    def __init__(self, journal: Journal, messages: list[Published], limits: Limits) -> None:
        self._begin = np.array([message.at_ns for message in messages])
        self._end = np.array([message.end_ns for message in messages])
        replaced = np.append(self._begin[1:], journal.end_ns)
        for at, _ in journal.activations:  # the controller was started anew: what it did before is over
            replaced = np.where(self._begin < at, np.minimum(replaced, at), replaced)
        self._replaced = replaced
        led: list[bool] = []
        for index, message in enumerate(messages):
            goes_on = index > 0 and led[-1] and np.array_equal(message.states, messages[index - 1].states)
            led.append(_leads_to_the_arm(message, limits) or goes_on)
        self._still = np.array([_still(message) for message in messages]) | np.array(led)
        lasting = self._end - self._begin > LEADS_NS
        self._led_ns = self._end * (np.array(led) & lasting)  # until then it leads; what only rests is shorter

    def broken(self, rest: Rest, until: int) -> Iterator[Escape]:
        """By what was executed between the instant that ``rest`` is due and ``until``."""
        begin = np.maximum(rest.due_ns, self._begin)
        end = np.minimum(until, np.minimum(self._replaced, self._end))
        moving = ~self._still & (begin < end)
        if moving.any():
            index = int(np.flatnonzero(moving)[-1])
            late = float(end[index] - rest.since_ns) * 1e-9
            detail = f"still moving {late:.4f} s after {rest.cause}"
            yield Escape("rest", int(self._begin[index]), detail, late, rest.allowed_s)
        if rest.silent_after_s is not None:
            led = int(self._led_ns[self._begin < until].max(initial=0))
            silent = max(rest.due_ns, led) + round(rest.silent_after_s * 1e9)
            loud = (self._begin > silent) & (self._begin < until)
            if loud.any():
                yield Escape("silence", int(self._begin[loud][0]), f"published after {rest.cause}")


def _still(message: Published) -> bool:
    rest = message.start[None, :1] * np.array([[1.0], [0.0], [0.0]])
    return bool(np.abs(message.states - rest).max() <= STILL and np.abs(message.start[1:]).max() <= STILL)


def _leads_to_the_arm(message: Published, limits: Limits) -> bool:
    """A single point where the arm stands already: it brings the controller there, and moves no arm."""
    if message.stood is None or len(message.times_ns) != 1 or np.abs(message.start[1:]).max() > STILL:
        return False
    place = np.clip(message.stood, limits.lower, limits.upper)
    return bool(np.abs(message.states[-1, 0] - place).max() <= LED)


class _Segments:
    """S segments of J joints; curves (S * J, 6), h (S * J,) [s]. Every answer is (S, J).

    A bound that suffices is found first: within half a segment of an end, a value moves by at most h/2 times the
    largest derivative. Where it does not suffice the extremum is found exactly.
    """

    def __init__(self, curves: FloatArray, h: FloatArray, joints: int) -> None:
        self._curves, self._h, self._shape = curves, h, (-1, joints)
        self._velocity = derivative(curves)
        self._acceleration = derivative(self._velocity)
        self._jerk = derivative(self._acceleration)

    def jerk(self) -> FloatArray:
        return (_magnitude(self._jerk) / self._h**3).reshape(self._shape)

    def acceleration(self) -> FloatArray:
        self._strongest = _magnitude(self._acceleration)
        return (self._strongest / self._h**2).reshape(self._shape)

    def velocity(self, limit: FloatArray) -> FloatArray:
        ends = np.maximum(np.abs(self._velocity[:, 0]), np.abs(self._velocity.sum(axis=1)))
        bound = ends + 0.5 * self._strongest
        allowed = np.broadcast_to(limit, self._h.reshape(self._shape).shape).ravel() * self._h
        open_ = bound > allowed
        self._fastest, peaks = bound, ends
        if open_.any():
            peaks[open_] = _magnitude(self._velocity[open_])
            self._fastest[open_] = peaks[open_]
        return (peaks / self._h).reshape(self._shape)

    def position(self, lower: FloatArray, upper: FloatArray) -> tuple[FloatArray, FloatArray]:
        first, last = self._curves[:, 0], self._curves.sum(axis=1)
        low, high = np.minimum(first, last), np.maximum(first, last)
        reach = 0.5 * self._fastest
        open_ = (low - reach < lower.ravel()) | (high + reach > upper.ravel())
        if open_.any():
            low[open_], high[open_] = extremes(self._curves[open_])
        return low.reshape(self._shape), high.reshape(self._shape)


def _magnitude(curve: FloatArray) -> FloatArray:
    low, high = extremes(curve)
    return np.maximum(np.abs(low), np.abs(high))
