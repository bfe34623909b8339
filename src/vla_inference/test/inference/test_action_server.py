"""InstructionActionServer, where a live graph would leave it to chance what comes first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vla_core.instructions import InstructionIntake
from vla_inference.inference import action_server
from vla_inference.inference.action_server import InstructionActionServer
from vla_inference.inference.reception import Reception
from vla_inference.inference.tasks import Outcome, TaskDesk


def test_a_goal_canceled_before_it_began_is_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(action_server, "ActionServer", lambda *_, **__: None)
    desk, node, told = TaskDesk(), SimpleNamespace(executor=None), []
    reception = Reception(InstructionIntake(), desk, [], lambda: 30.0)
    server = InstructionActionServer(node, reception, desk, lambda: 0, lambda: "HOLDING", told.append)  # type: ignore[arg-type]
    handle: Any = SimpleNamespace(
        is_cancel_requested=True,
        request=SimpleNamespace(instruction="pick up the red cube", timeout_s=0.0),
        canceled=lambda: told.append("canceled"),
    )
    with pytest.raises(StopIteration) as ended:
        server._execute(handle).send(None)
    assert ended.value.value.outcome == Outcome.CANCELED
    assert told == ["canceled"] and desk.current is None
