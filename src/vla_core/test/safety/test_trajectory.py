import numpy as np
import pytest

from vla_core.safety.trajectory import Trajectory


@pytest.mark.parametrize("beside_s", [-1e-7, -1e-9, -1e-12, -1e-14, 0.0, 1e-14, 1e-12, 1e-9])
def test_a_part_that_begins_or_ends_beside_a_knot_can_be_moved_in_time(beside_s: float) -> None:
    times = np.arange(1, 9) * 0.1
    states = np.stack([0.1 * times**2, 0.2 * times, np.full(8, 0.2)], axis=1)[:, :, None]
    plan = Trajectory(times, states)
    for part in (plan.part(times[2] + beside_s, plan.end), plan.part(plan.start, times[5] - beside_s)):
        moved = part.retimed(part.start, 9946.333, 0.8)
        assert moved.durations.min() > 1e-3
        assert np.abs(moved.bounds.velocity).max() < 0.2
