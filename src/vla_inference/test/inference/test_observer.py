"""Observer: fed by hand, with fake clocks: what it uses, what it refuses, and what it calls by name."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vla_core.testing import GRIPPER_OPEN_M, HOME_RAD, make_base_twist_example, make_contract_example
from vla_inference.inference.observer import Observer
from vla_inference.inference.samples import CameraFrame, JointSample
from vla_inference.inference.seen import Starved

MS = 1_000_000
NAMES = [*(f"joint{index}" for index in range(1, 8)), "finger_joint1"]
POSITIONS = [*HOME_RAD, GRIPPER_OPEN_M]
TOPICS = {"front": "/front_camera/image_raw", "wrist": "/wrist_camera/image_raw", "state": "/joint_states"}


class Inbox:
    """What has come in; every sample a nanosecond after the one before, by the steady clock."""

    def __init__(self) -> None:
        self.received: list[CameraFrame | JointSample] = []

    def image(self, name: str, at_ms: float, *, encoding: str = "rgb8", size: int = 96, shade: int = 0) -> None:
        data = np.full(size * size * 3, shade, dtype=np.uint8)
        stamp_ns = round(at_ms * MS)
        received_ns = stamp_ns + len(self.received)
        self.received.append(
            CameraFrame(name, stamp_ns, received_ns, data, encoding, False, height=size, width=size, step=size * 3)
        )

    def state(self, at_ms: float, names: list[str] = NAMES, positions: list[float] = POSITIONS) -> None:
        stamp_ns = round(at_ms * MS)
        self.received.append(JointSample(stamp_ns, stamp_ns + len(self.received), names, positions, []))

    def all(self, at_ms: float) -> None:
        self.image("front", at_ms)
        self.image("wrist", at_ms)
        self.state(at_ms)

    def frames(self, camera: str, after_ns: int = -1) -> list[CameraFrame]:
        found = [one for one in self.received if isinstance(one, CameraFrame) and one.name == camera]
        return [one for one in found if one.received_ns > after_ns]

    def joints(self, after_ns: int = -1) -> list[JointSample]:
        return [one for one in self.received if isinstance(one, JointSample) and one.received_ns > after_ns]


class Rig:
    def __init__(self, slowness: float = 1.0) -> None:
        self.inbox = Inbox()
        self.observer = Observer(make_contract_example(), self.inbox, TOPICS, lambda: slowness)

    def see(self, at_ms: float, steady_ms: float | None = None):
        return self.observer.see("pick", round(at_ms * MS), round((at_ms if steady_ms is None else steady_ms) * MS))

    def newest_ms(self, at_ms: float) -> float | None:
        newest_ns = self.observer.newest_ns(round(at_ms * MS), round(at_ms * MS))
        return None if newest_ns is None else newest_ns / MS


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_the_newest_set_is_seen_with_its_evidence(rig: Rig) -> None:
    rig.inbox.all(1000)
    rig.inbox.all(1033)
    seen = rig.see(1040)
    assert seen.observation.t0_ns == 1033 * MS
    assert seen.observation.instruction == "pick"
    assert seen.observation.state.tolist() == POSITIONS
    assert [(proof.name, proof.stamp_ns) for proof in seen.cameras()] == [("front", 1033 * MS), ("wrist", 1033 * MS)]


def test_a_picture_converted_beforehand_and_not_used_lends_its_hash_to_no_other(rig: Rig) -> None:
    rig.inbox.all(1000)
    first = rig.see(1001).cameras()
    rig.inbox.image("front", 1010, shade=200)
    rig.newest_ms(1010)
    rig.observer.prepare(1005 * MS)
    again = rig.see(1011)
    assert again.observation.t0_ns == 1000 * MS
    assert [camera.content_hash for camera in again.cameras()] == [camera.content_hash for camera in first]


def test_a_camera_a_little_behind_is_waited_for_and_one_that_lost_an_image_is_not(rig: Rig) -> None:
    for at_ms in (900, 933, 967, 1000):
        rig.inbox.all(at_ms)
    assert rig.newest_ms(1001) == 1000
    rig.inbox.state(1033)
    rig.inbox.image("front", 1033)
    assert rig.newest_ms(1034) == 1000
    rig.inbox.image("wrist", 1035)
    assert rig.newest_ms(1036) == 1033
    rig.inbox.image("front", 1067)
    assert rig.newest_ms(1068) == 1033
    assert rig.newest_ms(1086) == 1035


def test_an_image_of_the_right_size_and_encoding_is_never_copied(rig: Rig) -> None:
    rig.inbox.all(1000)
    image = rig.see(1001).observation.images["front"]
    assert np.shares_memory(image, rig.inbox.frames("front")[0].data)


def test_equal_pictures_have_equal_hashes_and_others_have_not(rig: Rig) -> None:
    for at_ms, shade in ((1000, 1), (1033, 1), (1067, 2)):
        rig.inbox.image("front", at_ms, shade=shade)
        rig.inbox.image("wrist", at_ms)
        rig.inbox.state(at_ms)
    hashes = []
    for at_ms in (1000, 1033, 1067):
        rig = Rig()
        rig.inbox.image("front", at_ms, shade=2 if at_ms == 1067 else 1)
        rig.inbox.image("wrist", at_ms)
        rig.inbox.state(at_ms)
        hashes.append(rig.see(at_ms).cameras()[0].content_hash)
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(("missing", "words"), [("front", "camera front missing"), ("state", "state missing")])
def test_what_has_never_come_is_named_with_its_topic(rig: Rig, missing: str, words: str) -> None:
    for name in {"front", "wrist"} - {missing}:
        rig.inbox.image(name, 1000)
    if missing != "state":
        rig.inbox.state(1000)
    assert rig.newest_ms(1001) is None
    with pytest.raises(Starved) as caught:
        rig.see(1001)
    assert words in str(caught.value) and TOPICS[missing] in str(caught.value)


def test_a_camera_that_stopped_is_stale_by_its_stamps(rig: Rig) -> None:
    rig.inbox.all(1000)
    rig.inbox.image("front", 1400)
    rig.inbox.state(1400)
    assert rig.newest_ms(1401) is None
    with pytest.raises(Starved, match="camera wrist stale"):
        rig.see(1401)


def test_a_frozen_ros_clock_does_not_hide_a_dead_camera(rig: Rig) -> None:
    rig.inbox.all(1000)
    rig.see(1001)
    with pytest.raises(Starved, match="nothing received for"):
        rig.see(1001, steady_ms=1301)


def test_a_slow_simulation_is_given_more_steady_time() -> None:
    rig = Rig(slowness=4.0)
    rig.inbox.all(1000)
    rig.see(1001, steady_ms=1301)
    with pytest.raises(Starved):
        rig.see(1001, steady_ms=2300)


@pytest.mark.parametrize(
    ("names", "positions", "words"),
    [
        (NAMES, [math.nan, *POSITIONS[1:]], "joint1 = nan"),
        (NAMES[1:], POSITIONS[1:], "lacks joint1"),
        (NAMES, POSITIONS[1:], "8 names but 7 positions"),
    ],
)
def test_a_wrong_joint_state_is_named(rig: Rig, names: list[str], positions: list[float], words: str) -> None:
    rig.inbox.all(1000)
    rig.inbox.state(1005, names, positions)
    with pytest.raises(Starved, match=words):
        rig.see(1006)


def test_further_joints_and_another_order_do_not_matter(rig: Rig) -> None:
    rig.inbox.image("front", 1000)
    rig.inbox.image("wrist", 1000)
    rig.inbox.state(1000, [*reversed(NAMES), "wheel"], [*reversed(POSITIONS), math.nan])
    assert rig.see(1001).observation.state.tolist() == POSITIONS


@pytest.mark.parametrize(
    ("change", "words"), [({"encoding": "16UC1"}, "16UC1"), ({"size": 64}, "64x64"), ({"encoding": "rgba8"}, "step")]
)
def test_a_wrong_picture_is_named(rig: Rig, change: dict, words: str) -> None:
    rig.inbox.image("front", 1000, **change)
    rig.inbox.image("wrist", 1000)
    rig.inbox.state(1000)
    with pytest.raises(Starved, match=words):
        rig.see(1001)


def test_pictures_that_do_not_belong_together_are_not_put_together(rig: Rig) -> None:
    rig.inbox.image("front", 1000)
    rig.inbox.image("wrist", 1100)
    rig.inbox.state(1100)
    with pytest.raises(Starved, match="skewed"):
        rig.see(1101)


def test_a_base_without_joints_needs_no_joint_state() -> None:
    inbox = Inbox()
    observer = Observer(make_base_twist_example(), inbox, TOPICS, lambda: 1.0)
    inbox.image("front", 1000)
    assert observer.newest_ns(1001 * MS, 1001 * MS) == 1000 * MS
    assert observer.see("go", 1001 * MS, 1001 * MS).observation.state.shape == (0,)
