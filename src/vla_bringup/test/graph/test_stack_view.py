from collections.abc import Callable
from typing import Any

import pytest

from vla_bringup.graph.stack_view import watch
from vla_msgs.msg import EpisodeStatus


class Graph:
    """Stands in for a Session: keeps the callbacks."""

    def __init__(self) -> None:
        self.heard: dict[str, Callable[[Any], None]] = {}

    def subscribe(self, kind: type, topic: str, callback: Callable[[Any], None], qos: object) -> None:
        self.heard[topic] = callback


def test_an_excess_over_a_limit_is_remembered_when_the_next_scene_forgets_it() -> None:
    graph = Graph()
    view = watch(graph, simulator=True)  # type: ignore[arg-type]
    for excess in (0.0, 0.2, 0.0):
        graph.heard["sim/episode"](EpisodeStatus(max_limit_violation=excess))
    assert view.max_limit_violation == pytest.approx(0.2)
    assert view.episode is not None and view.episode.max_limit_violation == 0.0


def test_without_a_simulator_its_ground_truth_is_not_heard() -> None:
    graph = Graph()
    watch(graph)  # type: ignore[arg-type]
    assert "sim/episode" not in graph.heard
