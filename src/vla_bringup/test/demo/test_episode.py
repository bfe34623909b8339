from __future__ import annotations

from types import SimpleNamespace

import pytest

from vla_bringup.demo.episode import EpisodeRunner, began_s
from vla_msgs.msg import EpisodeStatus


def status(stamp_s: float, elapsed_s: float, seed: int = 7) -> EpisodeStatus:
    message = EpisodeStatus(seed=seed, elapsed_s=elapsed_s)
    message.header.stamp.sec = int(stamp_s)
    message.header.stamp.nanosec = round((stamp_s % 1.0) * 1e9)
    return message


def is_fresh(episode: EpisodeStatus | None, asked_s: float) -> bool:
    runner = EpisodeRunner.__new__(EpisodeRunner)
    runner._view = SimpleNamespace(episode=episode)  # type: ignore[assignment]
    return runner._is_fresh(7, asked_s)


def test_a_scene_began_when_its_status_says() -> None:
    assert began_s(status(12.5, 2.25)) == pytest.approx(10.25)
    assert began_s(None) == float("-inf")


def test_the_scene_before_is_not_taken_for_the_new_one_even_with_the_same_seed() -> None:
    assert not is_fresh(status(10.0, 4.0), asked_s=9.95)
    assert is_fresh(status(10.5, 0.3), asked_s=10.0)


def test_a_new_scene_counts_once_the_cameras_have_seen_it() -> None:
    assert not is_fresh(status(10.1, 0.1), asked_s=9.95)
    assert not is_fresh(status(10.5, 0.3, seed=8), asked_s=10.0)
    assert not is_fresh(None, asked_s=0.0)
