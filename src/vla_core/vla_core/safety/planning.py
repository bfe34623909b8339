"""A checked proposal as a motion: the derivatives it does not state are filled in, needless points dropped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla_core.safety.proposal import Proposal
from vla_core.safety.spline import cubic_spline_states, hermite_states
from vla_core.safety.trajectory import RESOLUTION_S, Trajectory
from vla_core.types import FloatArray

SPACING_S = 0.04  # knots this far apart keep a message of 300 ms within a dozen points
DEVIATION = 1e-3  # [rad or m], what dropping points may cost


def plan_of(proposal: Proposal) -> Trajectory:
    """The motion of a chunk, in its own time. Positions alone are joined by a cubic spline that ends at rest."""
    return thinned(Trajectory(proposal.times_s, _states(proposal.times_s, proposal, None)))


def plan_from(proposal: Proposal, times: FloatArray, reference: FloatArray, scale: float, start: float) -> Trajectory:
    """The motion of a command that counts from now: from ``reference`` (3, J) at ``start`` through every point.

    times: (N,) of the points from now [s], before they are stretched by 1/scale.
    A point due at once is where the arm already is, and is left out.
    """
    later = times > 1e-3
    at = np.concatenate([[0.0], times[later] / scale])
    states = _states(at, proposal, reference, later, scale)
    states[0] = reference
    return thinned(Trajectory(start + at, states))


def _states(
    times: FloatArray,
    proposal: Proposal,
    reference: FloatArray | None,
    keep: NDArray[np.bool_] | slice = slice(None),
    scale: float = 1.0,
) -> FloatArray:
    lead = [] if reference is None else [reference[None, 0]]
    positions = np.concatenate([*lead, proposal.positions[keep]])
    if len(times) == 1:
        velocities = proposal.velocities if proposal.velocities is not None else np.zeros_like(positions)
        return np.stack([positions, velocities, np.zeros_like(positions)], axis=1)
    if proposal.velocities is None:
        first = (positions[1] - positions[0]) / (times[1] - times[0]) if reference is None else reference[1]
        return cubic_spline_states(times, positions, first)
    velocities = np.concatenate(
        [*([] if reference is None else [reference[None, 1]]), proposal.velocities[keep] * scale]
    )
    if proposal.accelerations is None:
        return hermite_states(times, positions, velocities)
    lead = [] if reference is None else [reference[None, 2]]
    return np.stack([positions, velocities, np.concatenate([*lead, proposal.accelerations[keep] * scale**2])], axis=1)


def thinned(motion: Trajectory) -> Trajectory:
    """The motion with knots at least SPACING_S apart, if that changes it by no more than DEVIATION."""
    last = motion.start
    keep = np.zeros(len(motion.times), dtype=bool)
    keep[[0, -1]] = True
    for index, time in enumerate(motion.times):
        if min(time - last, motion.end - time) >= SPACING_S - RESOLUTION_S:
            keep[index] = True
            last = time
    fewer = Trajectory(motion.times[keep], motion.states[keep])
    deviation = np.abs(fewer.sample(motion.times)[:, 0] - motion.states[:, 0]).max()
    return fewer if deviation <= DEVIATION else motion
