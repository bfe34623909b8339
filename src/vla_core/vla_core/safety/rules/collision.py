"""Every link stays in the workspace, out of the keep-out zones, and clear of the other links."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vla_core.safety.braking import Brake
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.quintic import extremes, probe, segment_ends
from vla_core.safety.trajectory import Trajectory
from vla_core.safety.workspace.cells import stop_stretch
from vla_core.safety.workspace.description import SLIP_M, STRAY_M
from vla_core.safety.workspace.model import CollisionModel
from vla_core.safety.workspace.sweep import Finding, Sweep
from vla_core.types import FloatArray

RECOVERY = Limit(0.05, "m", "an arm pushed slightly into a margin or a zone may be led back out")
SLIP = Limit(SLIP_M, "m", "what a proof is short of where an arm that begins too near moves neither in nor out")
GRID = Limit(0.02, "s", "two command periods: how often such an arm is looked at")
_ROUNDING = 1e-4  # of the distances [m]
_FRACTIONS: FloatArray = np.array([0.0, 0.3, 0.6, 0.85])  # of a segment
_PROBES: FloatArray = np.concatenate([probe(_FRACTIONS, order) for order in (0, 1)])


@dataclass(frozen=True, slots=True)
class _Near:
    """Room that every pair (P,) has at ``position`` (J,) [m]."""

    position: FloatArray
    room: FloatArray


class CollisionRule:
    """Refuses what comes nearer than a margin, on its way or in a stop from any instant of it.

    What comes before may still run. An arm that begins too near may move away, never nearer. The proof is that of
    ``workspace/sweep.py``: it holds for every instant, not at samples. Safe to use from two threads.
    """

    name = "collision"

    def __init__(self, model: CollisionModel, brake: Brake) -> None:
        self._model, self._brake = model, brake
        self._sweep = Sweep(model, brake)
        self._near: _Near | None = None  # replaced as a whole
        self._carry = 2.0 * brake.ramps[0]  # [s], what a stop makes of a difference in speed at most, gently

    def check(self, motion: Trajectory, tails: bool = True) -> Verdict | None:
        """HOLD, good until the last instant that is clear and that a clear stop can begin at. Leaves ``motion.room``.

        tails: False for a motion that is a stop itself, or is followed by one that is checked.
        """
        if len(motion.times) == 1 or not self._model.pairs:
            return None
        start = self._model.distances(motion.states[0, 0])
        margins = self._model.margins
        close = (start < margins + SLIP.value) & (start > margins - RECOVERY.value)
        floor = np.where(close, np.minimum(margins, start) - SLIP.value, margins)
        found, motion.room = self._sweep.first_violation(motion, floor, tails)
        deeper = (
            self._deeper(motion, np.flatnonzero(close).tolist(), np.minimum(margins, start)) if close.any() else None
        )
        if deeper is not None and (found is None or deeper.start < found.start):
            found = deeper
        return None if found is None else self._verdict(motion, found)

    def surely_clear(self, motion: Trajectory) -> bool:
        """A quick look at a short motion: whether it and its stops certainly stay clear; False also when they only may.

        It needs a distance that is known nearby, and measures it anew when the arm has gone on from there.
        """
        if not self._model.pairs:
            return True
        bounds = extremes(motion.times, motion.states, fine=False)
        lower, upper = bounds.lower.min(axis=0), bounds.upper.max(axis=0)
        velocity, acceleration = bounds.velocity.max(axis=0), bounds.acceleration.max(axis=0)
        ramp = self._brake.ramps[0]
        stretch = stop_stretch(self._brake, ramp, velocity[None], acceleration[None])[0]
        stop = stretch * (velocity + 0.5 * ramp * acceleration) + ramp * ramp / 6.0 * acceleration
        near = self._near
        if near is not None and self._inside(near, lower, upper, stop):
            return True
        position = 0.5 * (lower + upper)
        near = _Near(position, self._model.distances(position) - self._model.margins)
        self._near = near
        return self._inside(near, lower, upper, stop)

    def near(self, candidate: Trajectory, plan: Trajectory) -> bool:
        """Whether the first segment of ``candidate`` stays so near to ``plan`` that it is as clear as that was found.

        By STRAY_M, which margins allow for, and the room that the plan has. Also by its speed, which a stop would carry
        further. The rest of its knots are the plan's own. Looked at in a few instants of a tenth of a second.
        """
        begin, end = candidate.times[0], candidate.times[1]
        h = end - begin
        probes = _PROBES @ segment_ends(candidate.times[:2], candidate.states[:2])[0]
        times = np.minimum(np.maximum(begin + h * _FRACTIONS, plan.start), plan.end)
        theirs = plan.sample(times)
        count = len(_FRACTIONS)
        off = np.abs(probes[:count] - theirs[:, 0]) + self._carry * np.abs(probes[count:] / h - theirs[:, 1])
        allowed = STRAY_M if plan.room is None else STRAY_M + plan.room
        return bool((self._model.reach @ off.max(axis=0) <= allowed).all())

    def _inside(self, near: _Near, lower: FloatArray, upper: FloatArray, stop: FloatArray) -> bool:
        moved = np.maximum(upper - near.position, near.position - lower) + stop
        return bool((self._model.reach @ moved <= near.room).all())

    def _deeper(self, motion: Trajectory, pairs: list[int], floor: FloatArray) -> Finding | None:
        """Where a motion that begins too near comes nearer still."""
        count = max(int(np.ceil((motion.end - motion.start) / GRID.value)), 1)
        times = np.linspace(motion.start, motion.end, count + 1)
        for index, state in enumerate(motion.sample(times)[:, 0]):
            self._model.at(state)
            for pair in pairs:
                distance = self._model.distance(pair)
                if distance < floor[pair] - _ROUNDING:
                    return Finding(pair, float(times[max(index - 1, 0)]), distance, False)
        return None

    def _verdict(self, motion: Trajectory, found: Finding) -> Verdict:
        pair = self._model.pairs[found.pair]
        what = "a stop begun at" if found.tail else "at"
        detail = (
            f"{what} {found.start:.3f} s: {pair.text} would come within {found.distance:.4f} m, "
            f"{pair.margin_m:.4f} m are kept"
        )
        until = found.start if found.start > motion.start else -np.inf
        return Verdict(
            Decision.HOLD, self.name, pair.reason, detail, found.distance, pair.margin_m, until_s=float(until)
        )
