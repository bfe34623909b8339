import numpy as np
import pytest

from vla_policy.evaluation.smoothness import Motion, energy_j, path_length, rms_jerk, spectral_arc_length

STEP_S = 0.01


def minimum_jerk_speed(duration_s=1.0):
    u = np.arange(0.0, duration_s, STEP_S) / duration_s
    return 30 * u**2 * (1 - u) ** 2


def motion(dq, effort=None):
    dq = np.asarray(dq, dtype=float)
    effort = np.zeros_like(dq) if effort is None else effort
    return Motion(STEP_S, np.cumsum(dq, axis=0) * STEP_S, dq, effort, np.zeros((len(dq), 3)))


def test_a_square_is_as_long_as_its_sides():
    assert path_length(np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], dtype=float)) == pytest.approx(4.0)


def test_work_counts_with_either_sign():
    moved = motion([[1.0], [-2.0]], effort=np.array([[3.0], [3.0]]))
    assert energy_j(moved) == pytest.approx((3.0 + 6.0) * STEP_S)


def test_constant_acceleration_has_no_jerk():
    assert rms_jerk(motion(np.linspace(0, 1, 50)[:, None])) == pytest.approx(0.0, abs=1e-9)


def test_jerk_of_a_cubic_velocity():
    t = np.arange(200)[:, None] * STEP_S
    assert rms_jerk(motion(2.5 * t**2)) == pytest.approx(5.0, rel=1e-6)


def test_a_minimum_jerk_reach_has_the_published_smoothness():
    assert spectral_arc_length(minimum_jerk_speed(), STEP_S) == pytest.approx(-1.41, abs=0.02)


def test_smoothness_knows_no_scale_and_sees_a_tremor():
    smooth = minimum_jerk_speed()
    assert spectral_arc_length(7.0 * smooth, STEP_S) == pytest.approx(spectral_arc_length(smooth, STEP_S))
    t = np.arange(len(smooth)) * STEP_S
    tremor = smooth * (1 + 0.5 * np.sin(2 * np.pi * 6 * t))
    assert spectral_arc_length(tremor, STEP_S) < spectral_arc_length(smooth, STEP_S) - 0.3


def test_an_arm_that_never_moved_has_none():
    assert np.isnan(spectral_arc_length(np.zeros(100), STEP_S))
