"""Observations are made of samples that belong together, or not at all, and then every reason is named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.contract import Contract
from vla_core.errors import ObservationError
from vla_core.sync import Reason, Synchronizer, SyncResult
from vla_core.testing import HOME_RAD, make_base_twist_example, make_contract_example
from vla_core.types import Observation

CONTRACT = make_contract_example()
NAMES = CONTRACT.state_names
HOME = (*HOME_RAD, 0.04)
MS = 1_000_000
NOW = 10_000 * MS


def picture(value: int = 0) -> np.ndarray:
    return np.full((96, 96, 3), value, dtype=np.uint8)


def fed(front: int | None = -10, wrist: int | None = -12, state: int | None = -2, **options: float) -> Synchronizer:
    """A synchronizer with one sample a stream, ``x`` ms from NOW."""
    sync = Synchronizer(CONTRACT, **options)
    if front is not None:
        sync.add_image("front", NOW + front * MS, picture(1))
    if wrist is not None:
        sync.add_image("wrist", NOW + wrist * MS, picture(2))
    if state is not None:
        sync.add_state(NOW + state * MS, NAMES, HOME)
    return sync


def good(result: SyncResult) -> Observation:
    assert result.observation is not None, str(result)
    assert result.problems == () and str(result) == "ok"
    return result.observation


def reasons(result: SyncResult) -> dict[str, Reason]:
    assert result.observation is None
    return {problem.stream: problem.reason for problem in result.problems}


def test_what_belongs_together_becomes_an_observation() -> None:
    sync = fed()
    seen = good(sync.observe(NOW, "pick up the red cube"))
    assert seen.image_stamps_ns == {"front": NOW - 10 * MS, "wrist": NOW - 12 * MS}
    assert seen.t0_ns == NOW - 12 * MS == sync.check(NOW).t0_ns
    assert (seen.images["front"][0, 0, 0], seen.images["wrist"][0, 0, 0]) == (1, 2)
    assert seen.instruction == "pick up the red cube"
    np.testing.assert_array_equal(seen.state, HOME)
    assert not seen.state.flags.writeable


def test_every_missing_stream_is_named_at_once() -> None:
    result = Synchronizer(CONTRACT).observe(NOW, "go")
    assert reasons(result) == dict.fromkeys(("camera front", "camera wrist", "state"), Reason.MISSING)
    assert "camera front missing: nothing received" in str(result)


@pytest.mark.parametrize(
    ("offsets", "stream"),
    [((-301, -12, -2), "camera front"), ((-10, -301, -2), "camera wrist"), ((-10, -12, -101), "state")],
)
def test_a_stale_stream_is_named_with_its_age(offsets: tuple[int, int, int], stream: str) -> None:
    result = fed(*offsets).observe(NOW, "go")
    assert reasons(result) == {stream: Reason.STALE}
    assert ".301 s old, allowed 0.3 s" in str(result) or "0.101 s old, allowed 0.1 s" in str(result)


def test_the_age_limit_itself_is_allowed() -> None:
    good(fed(-300, -300, -260, state_max_age_s=0.26).observe(NOW, "go"))


def test_unstamped_images_are_told_from_old_ones() -> None:
    sync = fed(front=None)
    sync.add_image("front", 0, picture())
    assert "does not stamp" in str(sync.observe(NOW, "go"))


def test_stamps_from_the_future_show_unsynchronized_clocks() -> None:
    result = fed(front=51).observe(NOW, "go")
    assert reasons(result) == {"camera front": Reason.FUTURE}
    assert "0.051 s ahead of now" in str(result)
    good(fed(front=50, wrist=50, state=50).observe(NOW, "go"))  # /clock may lag behind


def test_images_too_far_apart_are_refused_with_the_distance() -> None:
    result = fed(front=-10, wrist=-61).observe(NOW, "go")
    assert reasons(result) == {"cameras": Reason.SKEWED}
    assert "front 0.0 ms behind, wrist 51.0 ms behind" in str(result)
    good(fed(front=-10, wrist=-60, state=-20).observe(NOW, "go"))


def test_a_state_too_far_from_the_images_is_refused() -> None:
    result = fed(front=-90, wrist=-90, state=-2).observe(NOW, "go")
    assert reasons(result) == {"state": Reason.SKEWED}
    assert "nearest is 88.0 ms from the images, allowed 50 ms" in str(result)
    good(fed(front=-90, wrist=-90, state=-2, state_skew_s=0.1).observe(NOW, "go"))


def test_the_newest_consistent_set_wins_over_newer_lonely_images() -> None:
    sync = fed(front=None, wrist=None, state=None)
    for offset in (-210, -110, -10):
        sync.add_image("front", NOW + offset * MS, picture(-offset))
    for offset in (-205, -100):
        sync.add_image("wrist", NOW + offset * MS, picture(-offset))
    for offset in range(-300, 0, 10):
        sync.add_state(NOW + offset * MS, NAMES, [*HOME[:-1], -offset * 1e-4])
    seen = good(sync.observe(NOW, "go"))
    assert seen.image_stamps_ns == {"front": NOW - 110 * MS, "wrist": NOW - 100 * MS}
    assert seen.state_stamp_ns == NOW - 110 * MS
    assert seen.state[-1] == pytest.approx(0.011)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(-400, 40), max_size=12, unique=True),
    st.lists(st.integers(-400, 40), max_size=12, unique=True),
    st.lists(st.integers(-400, 40), max_size=12, unique=True),
)
def test_an_observation_always_keeps_the_limits_and_is_the_newest_possible(
    front: list[int], wrist: list[int], state: list[int]
) -> None:
    sync = Synchronizer(CONTRACT)
    for camera, offsets in (("front", front), ("wrist", wrist)):
        for offset in sorted(offsets):
            sync.add_image(camera, NOW + offset * MS, picture())
    for offset in sorted(state):
        sync.add_state(NOW + offset * MS, NAMES, HOME)
    pairs = [(f, w) for f in front for w in wrist if abs(f - w) <= 50 and min(f, w) >= -300]
    seen = sync.observe(NOW, "go").observation
    if seen is None:
        best = max((min(pair) for pair in pairs), default=None)
        assert best is None or not any(abs(s - best) <= 50 for s in state) or max(state) < -100
        return
    stamps = sorted(seen.image_stamps_ns.values())
    assert stamps[1] - stamps[0] <= 50 * MS and stamps[0] >= NOW - 300 * MS
    assert abs(seen.state_stamp_ns - seen.t0_ns) <= 50 * MS
    assert seen.t0_ns == NOW + max(min(pair) for pair in pairs) * MS


def test_joints_in_another_order_are_ordered_by_name() -> None:
    sync = fed(state=None)
    sync.add_state(NOW, [*reversed(NAMES), "finger_joint2"], [*reversed(HOME), 9.0])
    np.testing.assert_array_equal(good(sync.observe(NOW, "go")).state, HOME)


@pytest.mark.parametrize(
    ("names", "positions", "message"),
    [
        (NAMES, (*HOME[:-1], float("nan")), r"not finite: finger_joint1 = nan"),
        (NAMES, (float("inf"), *HOME[1:]), r"not finite: joint1 = inf"),
        (NAMES[1:], HOME[1:], r"lacks joint1; it has joint2"),
        ((), (), r"lacks joint1, .*; it has \(none\)"),
        (NAMES, HOME[:-1], r"8 names but 7 positions"),
        ((*NAMES, "joint1"), (*HOME, 0.0), r"names joint1 twice"),
    ],
)
def test_a_wrong_joint_state_blocks_until_a_right_one_comes(
    names: tuple[str, ...], positions: tuple[float, ...], message: str
) -> None:
    sync = fed()
    sync.add_state(NOW - MS, names, positions)
    result = sync.observe(NOW, "go")
    assert reasons(result) == {"state": Reason.INVALID}
    with pytest.raises(ObservationError, match=message):
        raise ObservationError(str(result))
    sync.add_state(NOW, NAMES, HOME)
    good(sync.observe(NOW, "go"))


def test_an_image_of_the_wrong_size_is_named_when_it_would_be_used() -> None:
    sync = fed(wrist=None)
    sync.add_image("wrist", NOW, np.zeros((480, 640, 3), dtype=np.uint8))
    result = sync.observe(NOW, "go")
    assert reasons(result) == {"camera wrist": Reason.INVALID}
    assert "image is 640x480, the contract wants 96x96" in str(result)


def test_images_are_converted_only_when_used() -> None:
    calls: list[str] = []

    def convert(name: str) -> np.ndarray:
        calls.append(name)
        return picture()

    sync = fed(front=None)
    sync.add_image("front", NOW - 40 * MS, lambda: convert("old"))
    sync.add_image("front", NOW, lambda: convert("new"))
    sync.add_image("wrist", NOW, picture())
    assert sync.check(NOW).t0_ns == NOW and calls == []
    good(sync.observe(NOW, "go"))
    assert calls == ["new"]


def test_a_conversion_that_fails_is_a_problem_of_its_camera() -> None:
    def broken() -> np.ndarray:
        raise ObservationError("unknown encoding 'x'")

    sync = fed(front=None)
    sync.add_image("front", NOW, broken)
    result = sync.observe(NOW, "go")
    assert reasons(result) == {"camera front": Reason.INVALID}
    assert "unknown encoding 'x'" in str(result)


def test_one_late_frame_does_not_take_the_arm_back_in_time() -> None:
    sync = fed()
    good(sync.observe(NOW, "go"))
    sync.add_image("front", NOW - 30 * MS, picture())
    result = sync.observe(NOW, "go")
    assert reasons(result) == {"cameras": Reason.BACK_STEP}
    assert "18.0 ms before the one already acted on" in str(result)
    assert sync.back_steps() == {"camera front": 1, "camera wrist": 0, "state": 0}
    sync.add_image("front", NOW, picture())
    good(sync.observe(NOW, "go"))


def test_a_clock_that_starts_again_empties_the_buffers() -> None:
    sync = fed()
    good(sync.observe(NOW, "go"))
    again = 500 * MS
    assert set(reasons(sync.observe(again, "go")).values()) == {Reason.MISSING}
    for camera in CONTRACT.camera_names:
        sync.add_image(camera, again, picture())
    sync.add_state(again, NAMES, HOME)
    assert good(sync.observe(again, "go")).t0_ns == again


def test_a_clock_that_trembles_empties_nothing() -> None:
    sync = fed()
    good(sync.observe(NOW, "go"))
    good(sync.observe(NOW - 50 * MS, "go"))


def test_a_repeated_stamp_cannot_pass_for_a_new_image() -> None:
    sync = fed()
    sync.add_image("front", NOW - 10 * MS, picture(99))
    assert good(sync.observe(NOW, "go")).images["front"][0, 0, 0] == 1


def test_rates_are_measured_by_stamps() -> None:
    sync = Synchronizer(CONTRACT)
    assert sync.rate_hz("front") is None
    for step in range(10):
        sync.add_image("front", NOW + step * 40 * MS, picture())
    assert sync.rate_hz("front") == pytest.approx(25.0)


def test_a_base_without_joints_needs_only_its_camera() -> None:
    sync = Synchronizer(make_base_twist_example())
    sync.add_image("front", NOW, picture())
    seen = good(sync.observe(NOW, "go"))
    assert seen.state.shape == (0,) and seen.t0_ns == NOW


def test_a_policy_without_cameras_sees_the_state_of_now() -> None:
    contract: Contract = dataclasses.replace(CONTRACT, cameras=())
    sync = Synchronizer(contract)
    sync.add_state(NOW - MS, NAMES, HOME)
    seen = good(sync.observe(NOW, "go"))
    assert seen.t0_ns == NOW - MS == sync.check(NOW).t0_ns


def test_a_policy_without_any_input_starts_now() -> None:
    sync = Synchronizer(dataclasses.replace(make_base_twist_example(), cameras=()))
    assert sync.check(NOW).t0_ns == NOW == good(sync.observe(NOW, "go")).state_stamp_ns


def test_an_unknown_camera_is_a_bug() -> None:
    with pytest.raises(ValueError, match="front, wrist"):
        Synchronizer(CONTRACT).add_image("left", NOW, picture())


def test_an_image_is_converted_once_and_beforehand_where_there_is_time() -> None:
    made: list[str] = []

    def source(name: str) -> np.ndarray:
        made.append(name)
        return picture()

    sync = fed(front=None, wrist=None)
    sync.add_image("front", NOW - 43 * MS, lambda: source("front before"))
    sync.add_image("front", NOW - 10 * MS, lambda: source("front"))
    sync.prepare(NOW - 20 * MS)
    assert made == ["front"]
    sync.add_image("wrist", NOW - 9 * MS, lambda: source("wrist"))
    assert good(sync.observe(NOW, "pick")).t0_ns == good(sync.observe(NOW, "pick")).t0_ns
    assert made == ["front", "wrist"]


def test_what_is_wrong_with_an_image_is_found_beforehand_and_told_when_it_is_used() -> None:
    sync = fed(front=None)
    sync.add_image("front", NOW - 10 * MS, np.zeros((96, 96), dtype=np.uint8))
    sync.prepare(NOW - 20 * MS)
    assert reasons(sync.observe(NOW, "pick")) == {"camera front": Reason.INVALID}
