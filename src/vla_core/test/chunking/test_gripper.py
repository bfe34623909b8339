from __future__ import annotations

import numpy as np
import pytest

from vla_core.chunking.gripper import GripperTrack
from vla_core.errors import LimitsError
from vla_core.limits import JointLimits


def limits(count: int = 1) -> JointLimits:
    names = tuple(f"finger{i}" for i in range(count))
    columns = (np.full(count, value) for value in (0.0, 0.04, 0.2, 1.0, 10.0, 5.0))
    return JointLimits(names, ("m",) * count, *columns)


def test_it_moves_at_its_speed_and_inside_its_range() -> None:
    track = GripperTrack(limits(), 0.02, 1.0)
    track.reset(0.04, 100)
    track.splice(105, np.full(20, -1.0), keep=103)
    values = track.window(103, 25)
    np.testing.assert_allclose(values[:3], 0.04)
    np.testing.assert_allclose(np.diff(values[2:12]), -0.004)
    assert values[-1] == 0.0


def test_without_limits_it_does_as_it_is_told() -> None:
    track = GripperTrack(None, 0.02, 1.0)
    track.reset(None, 100)
    track.splice(105, np.array([0.3, 0.0]), keep=103)
    np.testing.assert_array_equal(track.window(104, 5), [0.3, 0.3, 0.3, 0.0, 0.0])


def test_a_splice_keeps_what_was_sent_before_it() -> None:
    track = GripperTrack(limits(), 0.02, 1.0)
    track.reset(0.0, 0)
    track.splice(0, np.full(20, 0.04), keep=0)
    before = track.window(0, 6)
    track.splice(5, np.full(20, 0.0), keep=2)
    np.testing.assert_array_equal(track.window(2, 4), before[2:])
    assert track.window(5, 10)[-1] == 0.0


def test_limits_of_two_joints_are_refused() -> None:
    with pytest.raises(LimitsError, match="one joint"):
        GripperTrack(limits(2), 0.02, 1.0)
