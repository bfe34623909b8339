"""Loader: nothing is left of a policy that could not be loaded."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vla_core.errors import PreflightError
from vla_inference.inference.loader import Loader


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
