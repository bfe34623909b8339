"""GateView: when the safety monitor lets nothing happen, and which chunk it did not execute as planned."""

from __future__ import annotations

import pytest

from vla_inference.inference.gate_view import GateDecision, GateReport, GateState, GateView

SECOND = 1_000_000_000


def _view(state: GateState, decision: GateDecision = GateDecision.PASS, required: bool = True) -> GateView:
    view = GateView(timeout_s=3.0, required=required)
    view.update(GateReport(state, decision, "velocity_limit", "joint2 too fast", 7, received_ns=SECOND))
    return view


@pytest.mark.parametrize("state", [GateState.HOLDING, GateState.EXECUTING, GateState.STOPPING])
def test_an_armed_gate_has_no_objection(state: GateState) -> None:
    assert _view(state).objection(2 * SECOND) is None


@pytest.mark.parametrize(
    ("state", "word"), [(GateState.DISARMED, "disarmed"), (GateState.STOPPED, "velocity_limit: joint2 too fast")]
)
def test_a_gate_that_will_not_move_objects_even_where_none_is_required(state: GateState, word: str) -> None:
    assert word in (_view(state, required=False).objection(2 * SECOND) or "")


def test_a_silent_gate_is_dead() -> None:
    view = _view(GateState.EXECUTING)
    assert view.objection(4 * SECOND) is None
    assert "silent for 3.5 s" in (view.objection(4 * SECOND + SECOND // 2) or "")


def test_a_gate_never_heard_objects_only_where_it_is_required() -> None:
    assert "not heard" in (GateView(3.0).objection(0) or "")
    assert GateView(3.0, required=False).objection(0) is None
    assert GateView(3.0).state_name == "UNKNOWN"


@pytest.mark.parametrize(
    ("decision", "chunk_id", "refused"),
    [
        (GateDecision.PASS, 7, False),
        (GateDecision.SLOW, 7, True),
        (GateDecision.HOLD, 6, True),
        (GateDecision.HOLD, 8, False),
    ],
)
def test_only_a_repaired_chunk_that_is_new_enough_counts(decision: GateDecision, chunk_id: int, refused: bool) -> None:
    assert (_view(GateState.HOLDING, decision).refused_chunk(chunk_id) is not None) is refused
