"""Confidence in a success rate."""

from __future__ import annotations

import math

_Z_95 = 1.959963984540054


def wilson(successes: int, attempts: int, z: float = _Z_95) -> tuple[float, float]:
    """The score interval of a proportion, 95 % by default (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).

    Raises:
        ValueError: no attempts, or more successes than attempts.
    """
    if not 0 <= successes <= attempts or attempts == 0:
        raise ValueError(f"{successes} successes in {attempts} attempts")
    share, spread = successes / attempts, z * z / attempts
    centre = share + spread / 2.0
    half = z * math.sqrt(share * (1.0 - share) / attempts + spread / (4.0 * attempts))
    return max(0.0, (centre - half) / (1.0 + spread)), min(1.0, (centre + half) / (1.0 + spread))
