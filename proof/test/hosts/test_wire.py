"""The wire carries each frame once, late by what was asked, and nothing while it is cut."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from proof.hosts.arrangement import ARRANGEMENTS, PLANS_S, describe
from proof.hosts.measure import _rest
from proof.hosts.wire import Quality, Wire


class Ends:
    """A wire between two sockets, and the far side of each."""

    def __init__(self) -> None:
        self.pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
        for pair in self.pairs:
            pair[1].setblocking(False)
        self.wire = Wire(self.pairs[0][0].fileno(), self.pairs[1][0].fileno(), seed=1)

    def send(self, end: int, frame: bytes, now_s: float) -> None:
        self.pairs[end][1].send(frame)
        self.wire.take(end, now_s)

    def arrived(self, end: int) -> list[bytes]:
        frames = []
        while True:
            try:
                frames.append(self.pairs[end][1].recv(65536))
            except BlockingIOError:
                return frames


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    for pair in made.pairs:
        for end in pair:
            end.close()


def test_a_frame_is_late_by_the_delay_and_in_order(ends: Ends) -> None:
    ends.wire.quality = Quality(delay_s=0.05)
    ends.send(0, b"one", 10.0)
    ends.send(0, b"two", 10.01)
    assert ends.wire.give(10.049) == pytest.approx(0.001)
    assert ends.arrived(1) == []
    assert ends.wire.give(10.05) == pytest.approx(0.01)
    assert ends.arrived(1) == [b"one"]
    assert ends.wire.give(10.06) is None
    assert ends.arrived(1) == [b"two"]
    assert ends.wire.counts.sent_bytes == [6, 0]


def test_nothing_passes_a_cut_not_even_what_was_on_its_way(ends: Ends) -> None:
    ends.wire.quality = Quality(delay_s=0.05)
    ends.send(1, b"on its way", 1.0)
    ends.wire.quality = Quality(up=False)
    ends.send(1, b"after", 1.01)
    ends.wire.give(2.0)
    assert ends.arrived(0) == []
    assert ends.wire.counts.lost_frames == [0, 2]
    ends.wire.quality = Quality()
    ends.send(1, b"joined", 3.0)
    ends.wire.give(3.0)
    assert ends.arrived(0) == [b"joined"]


def test_the_share_that_is_lost_is_the_one_asked_for(ends: Ends) -> None:
    ends.wire.quality = Quality(loss=0.05)
    for number in range(2000):
        ends.send(0, b"x", float(number))
        ends.wire.give(float(number))
        ends.arrived(1)
    assert 60 <= ends.wire.counts.lost_frames[0] <= 140
    assert ends.wire.counts.sent_bytes[0] == 2000 - ends.wire.counts.lost_frames[0]


def test_rest_counts_only_when_it_lasts() -> None:
    import numpy as np

    from proof.faults.record import Sample

    def sample(time_s: float, speed: float) -> Sample:
        return Sample(round(time_s * 1e9), 0, np.zeros(1), np.array([speed]))

    pause = [sample(0.1 * k, 0.0 if k in (3, 4) or k >= 8 else 1.0) for k in range(12)]
    assert _rest(pause, 0.05, 0.02) == pytest.approx(0.75)
    assert _rest(pause[:8], 0.05, 0.02) is None


@pytest.mark.parametrize("arrangement", ARRANGEMENTS, ids=lambda one: one.name)
def test_every_role_runs_on_the_host_that_it_is_said_to(arrangement, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("proof.hosts.arrangement.executable_path", lambda package, name: f"/{package}/{name}")
    monkeypatch.setattr("proof.hosts.arrangement.tabletop_params", lambda: "/params.yaml")
    config = describe(arrangement, ["over", "there"], tmp_path)
    across = {role for role, process in config.processes.items() if process.command[:2] == ("over", "there")}
    assert across == set(arrangement.there)
    assert arrangement.promise_s >= PLANS_S
