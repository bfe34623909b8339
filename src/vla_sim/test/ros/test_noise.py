"""Sensor noise: small, everywhere, never the same twice, and repeatable."""

from __future__ import annotations

import numpy as np

from vla_sim.ros.noise import SensorNoise

IMAGE = np.tile(np.array([0, 1, 128, 255], np.uint8), (16, 6, 1)).reshape(16, 8, 3)


def test_without_levels_the_picture_is_passed_on():
    assert SensorNoise(0)(IMAGE) is IMAGE


def test_no_value_moves_further_than_the_levels_and_none_wraps_around():
    noise = SensorNoise(2)
    change = np.stack([noise(IMAGE).astype(int) - IMAGE for _ in range(50)])
    assert np.abs(change).max() == 2 and (change != 0).any(axis=0).all()


def test_two_pictures_of_one_scene_differ_and_a_series_can_be_repeated():
    first, again = SensorNoise(1, seed=3), SensorNoise(1, seed=3)
    series = [first(IMAGE) for _ in range(20)]
    assert len({image.tobytes() for image in series}) == 20
    assert all((again(IMAGE) == image).all() for image in series)
