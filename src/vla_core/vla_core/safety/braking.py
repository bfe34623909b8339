"""Ramps to rest with bounded acceleration and jerk, in closed form.

All joints share three phases: a jerk phase of ``ramp`` seconds to a constant deceleration, that deceleration, and a
jerk phase of ``ramp`` seconds back to none. Positions are cubic in each phase, so a controller's quintic reproduces
them exactly from four knots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vla_core.errors import LimitsError
from vla_core.limits import JointLimits
from vla_core.types import FloatArray

GENTLE_RAMP_S = 0.03  # jerk phase of a normal stop: an order below the arm's jerk limit, easy on gears
KNOTS = 4
SHORTEST_S = 1e-3  # of the constant deceleration, so that knots stay apart


@dataclass(frozen=True, slots=True)
class Brake:
    """How the arm brakes.

    limits: of the joints commanded.
    share: (0, 1] of the acceleration limits that a stop may use.
    """

    limits: JointLimits
    share: float = 1.0

    @property
    def ramps(self) -> tuple[float, ...]:
        """Jerk phases to try, the gentle one first, down to the shortest that the jerk limits allow [s]."""
        shortest = float(np.max((1.0 + self.share) * self.limits.acceleration / self.limits.jerk))
        gentle = max(GENTLE_RAMP_S, shortest)
        return (gentle,) if shortest > 0.5 * gentle else (gentle, max(0.3 * gentle, shortest))

    def tails(self, start: FloatArray, states: FloatArray, ramp: float) -> tuple[FloatArray, FloatArray]:
        """Knots from each of K ``states`` (K, 3, J) at ``start`` (K,) [s] to rest: (K, 4) times, (K, 4, 3, J)."""
        position, velocity, acceleration = states[:, 0], states[:, 1], states[:, 2]
        excess = velocity + 0.5 * ramp * acceleration  # what the constant phase has to take away
        needed = np.abs(excess) / (self.share * self.limits.acceleration)
        constant = np.maximum(needed.max(axis=1) - ramp, SHORTEST_S)
        deceleration = -excess / (ramp + constant)[:, None]
        phases = np.stack([np.full_like(constant, ramp), constant, np.full_like(constant, ramp)], axis=1)
        times = np.empty((len(states), KNOTS))
        times[:, 0] = start
        knots = np.empty((len(states), KNOTS, *states.shape[1:]))
        knots[:, 0] = states
        ends = (deceleration, deceleration, np.zeros_like(deceleration))
        for phase, target in enumerate(ends):
            h = phases[:, phase, None]
            jerk = (target - acceleration) / h
            position = position + h * (velocity + h * (acceleration / 2.0 + h * jerk / 6.0))
            velocity = velocity + h * (acceleration + h * jerk / 2.0)
            acceleration = target
            times[:, phase + 1] = times[:, phase] + phases[:, phase]
            knots[:, phase + 1] = np.stack([position, velocity, acceleration], axis=1)
        knots[:, -1, 1:] = 0.0  # exact, not to rounding
        return times, knots

    def longest(self) -> tuple[float, str]:
        """The longest stop from any state within the limits [s], and the joint that takes it."""
        ramp = self.ramps[0]
        speed = self.limits.velocity + 0.5 * ramp * self.limits.acceleration
        each = speed / (self.share * self.limits.acceleration) + ramp
        worst = int(np.argmax(each))
        return float(each[worst]), self.limits.joint_names[worst]

    def require(self, promised_s: float, reaction_s: float) -> float:
        """The guaranteed time to rest [s]: ``reaction_s`` and the longest stop.

        Raises:
            LimitsError: it exceeds ``promised_s``; the message shows the arithmetic and the speed that would do.
        """
        longest, joint = self.longest()
        total = reaction_s + longest
        if total <= promised_s:
            return total
        index = self.limits.index(joint)
        ramp, speed = self.ramps[0], float(self.limits.velocity[index])
        power = self.share * float(self.limits.acceleration[index])
        allowed = (promised_s - reaction_s - ramp) * power - 0.5 * ramp * float(self.limits.acceleration[index])
        raise LimitsError(
            f"the promised time to rest {promised_s:.3f} s cannot be kept by {joint!r}: reaction {reaction_s:.3f} s + "
            f"ramp {ramp:.3f} s + ({speed:.3f} + half a ramp of acceleration) / {power:.3f} = {total:.3f} s; "
            f"lower its max_velocity to {max(allowed, 0.0):.3f}, or promise {total:.3f} s"
        )
