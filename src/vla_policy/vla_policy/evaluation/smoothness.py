"""How an arm moved: path, energy, jerk and spectral arc length of what was measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_PADDING = 4  # levels of zero padding of the spectrum
_CUT_HZ = 10.0
_AMPLITUDE = 0.05  # of the peak; what is weaker at the end of the spectrum is noise


@dataclass(frozen=True, slots=True)
class Motion:
    """One attempt, sampled every ``step_s``.

    q_rad, dq_rad_s, effort_nm: (N, J) measured joints. tool_m: (N, 3) in base_link.
    """

    step_s: float
    q_rad: FloatArray
    dq_rad_s: FloatArray
    effort_nm: FloatArray
    tool_m: FloatArray


def path_length(positions: FloatArray) -> float:
    """Length of the way through ``positions`` (N, D), in their unit."""
    return float(np.linalg.norm(np.diff(positions, axis=0), axis=1).sum())


def energy_j(motion: Motion) -> float:
    """Mechanical work of the drives, braking counted as work too [J]."""
    return float(np.abs(motion.effort_nm * motion.dq_rad_s).sum() * motion.step_s)


def rms_jerk(motion: Motion) -> float:
    """Root mean square over time of the joints' jerk vector [rad/s^3]."""
    if len(motion.dq_rad_s) < 3:
        return 0.0
    jerk = np.diff(motion.dq_rad_s, n=2, axis=0) / motion.step_s**2
    return float(np.sqrt((jerk**2).sum(axis=1).mean()))


def spectral_arc_length(speed: FloatArray, step_s: float) -> float:
    """SPARC of a speed profile (N,): closer to zero is smoother; a minimum-jerk reach has about -1.4.

    Balasubramanian, Melendez-Calderon, Roby-Brami, Burdet 2015, J. NeuroEngineering Rehabil. 12:112, eq. 3 with the
    adaptive cut at 5 % of the peak and at most 10 Hz. NaN for a motion that never moved.
    """
    if not speed.any():
        return float("nan")
    size = int(2 ** (np.ceil(np.log2(len(speed))) + _PADDING))
    frequency_hz = np.arange(size) / (size * step_s)
    magnitude = np.abs(np.fft.fft(speed, size))
    magnitude = magnitude / magnitude.max()
    inside = frequency_hz <= _CUT_HZ
    frequency_hz, magnitude = frequency_hz[inside], magnitude[inside]
    last = int(np.flatnonzero(magnitude >= _AMPLITUDE)[-1]) + 1
    frequency_hz, magnitude = frequency_hz[:last], magnitude[:last]
    if len(frequency_hz) < 2:
        return 0.0
    across = np.diff(frequency_hz) / (frequency_hz[-1] - frequency_hz[0])
    return -float(np.sqrt(across**2 + np.diff(magnitude) ** 2).sum())
