"""Loader: nothing is left of a policy that could not be loaded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vla_core.errors import PreflightError
from vla_inference.inference import loader as loader_module
from vla_inference.inference.loader import Loader
from vla_inference.inference.seen import Starved


@pytest.mark.parametrize("error", [PreflightError("another robot"), ZeroDivisionError("a defect")])
def test_a_policy_that_cannot_be_finished_loses_its_worker(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    closed: list[str] = []
    candidate = SimpleNamespace(
        supervisor=SimpleNamespace(wait_ready=lambda deadline_s: None),
        policy=SimpleNamespace(close=lambda: closed.append("closed")),
    )

    def finish(self: Loader, candidate: object, deadline_s: float) -> None:
        raise error

    monkeypatch.setattr(Loader, "begin", lambda self, folder: candidate)
    monkeypatch.setattr(Loader, "finish", finish)
    loader = object.__new__(Loader)  # without a node, which the two replaced methods alone would need
    loader._parameters = SimpleNamespace(worker_start_timeout_s=1.0)
    with pytest.raises(type(error)):
        loader.load("bundle")
    assert closed == ["closed"]


class _LateObserver:
    """Has an observation when asked for the third time."""

    asked = 0

    def see(self, instruction: str, ros_ns: int, steady_ns: int) -> Any:
        self.asked += 1
        if self.asked < 3:
            raise Starved("camera front stale: 0.706 s old, allowed 0.3 s")
        return SimpleNamespace(observation="what was seen")


def _warm_up(monkeypatch: pytest.MonkeyPatch, times: int) -> list[object]:
    """What the policy is asked with when the inputs are waited for ``times`` times."""
    asked: list[object] = []
    patient = SimpleNamespace(connect=lambda: None, infer=asked.append, close=lambda: None)
    monkeypatch.setattr(loader_module, "RemotePolicy", lambda *_, **__: patient)
    loader: Any = object.__new__(Loader)
    loader._clocks = SimpleNamespace(ros_ns=lambda: 0, steady_ns=lambda: 0)
    candidate = SimpleNamespace(endpoint=None, contract=None)
    loader._warm_up(candidate, _LateObserver(), lambda condition: any(condition() for _ in range(times)))
    return asked


def test_inputs_that_are_late_for_a_moment_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _warm_up(monkeypatch, 3) == ["what was seen"]


def test_inputs_that_stay_late_refuse_with_the_newest_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PreflightError, match=r"no observation can be made: camera front stale: 0\.706"):
        _warm_up(monkeypatch, 2)
