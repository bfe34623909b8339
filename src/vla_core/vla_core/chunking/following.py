"""From a reference to control points that the limits admit."""

from __future__ import annotations

import numpy as np

from vla_core.chunking.envelope import Envelope
from vla_core.chunking.smoothing import braking_matrix
from vla_core.chunking.spline import at_knots
from vla_core.types import FloatArray


def follow(reference: FloatArray, anchor: FloatArray, bank: FloatArray, envelope: Envelope) -> FloatArray:
    """(n + 3, J) control points along ``reference`` (n, J) as closely as the limits admit.

    anchor: (n + 3, J) the motion already sent; the result has its first three control points, and ends at rest as it.
    bank: (R, n + 3, n + 3) of ``smoothing_bank``, sharpest first. The sharpest is taken if it meets the limits. If not,
    each is approached from the anchor as far as the limits admit, and for each joint the one is taken that comes out
    nearest to the reference. The anchor meets the limits and what they admit is convex, so that there always is one.
    """
    given = np.concatenate([anchor[:3], reference])
    sharpest = _between_ends(bank[0] @ given, anchor[:3])
    if envelope.admits(sharpest):
        return sharpest
    wishes = _between_ends(bank @ given, anchor[:3])
    mixed = anchor + envelope.share(anchor, wishes)[:, None] * (wishes - anchor)
    missed = ((at_knots(mixed, 1.0).positions[:, 1:] - reference) ** 2).sum(axis=1)
    joints = np.arange(reference.shape[1])
    return _between_ends(mixed[missed.argmin(axis=0), :, joints].T, anchor[:3])


def brake(start: FloatArray, envelope: Envelope, longest: int) -> FloatArray:
    """Control points from ``start`` (3, J) to rest: as few intervals as the limits admit, at most ``longest``."""
    for intervals in range(3, longest + 1):
        controls = _between_ends(braking_matrix(intervals) @ start, start)
        if envelope.admits(controls[1:]):
            break
    return controls


def _between_ends(controls: FloatArray, start: FloatArray) -> FloatArray:
    """``controls`` (…, n, J) that begin with ``start`` (3, J) and end at rest to the last bit, not but for rounding."""
    controls[..., :3, :] = start
    controls[..., -2:, :] = controls[..., -3:-2, :]
    return controls


def slowed(start: FloatArray, wish: FloatArray, step: FloatArray, ramp: int) -> FloatArray:
    """``wish`` (n, J) followed from ``start`` (J,) by at most ``step`` (J,) a knot, all joints slowed alike.

    Over the last ``ramp`` knots the step falls to zero, so that what could not be reached ends at rest too.
    """
    moves = np.diff(wish, axis=0, prepend=start[None])
    steps = step * np.minimum(1.0, np.arange(len(wish) - 1, -1, -1) / ramp)[:, None]
    if not (np.abs(moves) > steps).any():
        return wish
    followed = np.empty_like(wish)
    here = start
    for index, (target, most) in enumerate(zip(wish, steps, strict=True)):
        move = target - here
        size = np.abs(move)
        # Lengths are compared without a division by the step, which is zero at the end.
        over = size > most
        if over.any():
            move = move * float((most[over] / size[over]).min())
        here = here + move
        followed[index] = here
    return followed
