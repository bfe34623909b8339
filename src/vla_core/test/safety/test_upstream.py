"""The rules about a planner together: what they remember of its chunks, and when they forget it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vla_core.safety.clock import ClockConfig, Now
from vla_core.safety.decision import PASSED, Decision, Limit, Verdict
from vla_core.safety.proposal import SOURCE_CHUNK, SOURCE_JOINT, CameraEvidence, Evidence, Trace
from vla_core.safety.rules.evidence import EvidenceConfig
from vla_core.safety.upstream import UNDATED, Upstream, UpstreamConfig

NS = 1_000_000_000
STEADY, ROS = 100 * NS, 9100 * NS
CONFIG = UpstreamConfig(
    content_age=Limit(1.0, "s", "x"),
    plan_timeout=Limit(0.25, "s", "x"),
    evidence=EvidenceConfig(stall=Limit(0.25, "s", "x")),
)


def make(config=CONFIG, **clock):
    upstream = Upstream(config, ClockConfig(**clock), Limit(0.5, "s", "x"))
    upstream.forget(ROS - NS)
    return upstream


def now(after_s=0.0):
    return Now(STEADY + round(after_s * NS), ROS + round(after_s * NS))


def chunk(t0_s=0.0, source=SOURCE_CHUNK, speed=1.0, cameras=(), **changes):
    evidence = Evidence(tuple(CameraEvidence(name, ROS + round(stamp * NS), 1) for name, stamp in cameras), 0)
    fields = {"trace": Trace(source), "t0_ns": ROS + round(t0_s * NS), "speed_scale": speed, "evidence": evidence}
    return SimpleNamespace(**{**fields, **changes})


def judged(upstream, proposal, after_s=0.0):
    verdict = upstream.judge(proposal, lambda stamp: None, now(after_s), after_s)
    return None if verdict is None else verdict.reason


def test_chunks_come_in_order_of_their_stamps_whatever_was_decided():
    upstream = make()
    assert upstream.aged(chunk(0.0), now()) is None
    upstream.decided(chunk(0.0), PASSED)
    assert upstream.aged(chunk(0.0), now()).reason == "chunk_order"
    upstream.decided(chunk(-0.5), Verdict(Decision.HOLD, reason="chunk_order"))  # an older one does not set it back
    assert upstream.aged(chunk(-0.25), now()).reason == "chunk_order"
    upstream.decided(chunk(0.05), Verdict(Decision.HOLD, reason="step_limit"))
    assert upstream.aged(chunk(0.05), now()).reason == "chunk_order" and upstream.aged(chunk(0.06), now()) is None


@pytest.mark.parametrize("reason", UNDATED)
def test_a_stamp_that_may_be_wrong_dates_nothing(reason):
    upstream = make()
    upstream.decided(chunk(0.05), Verdict(Decision.HOLD, reason=reason))
    assert upstream.aged(chunk(0.0), now()) is None


def test_commands_of_others_neither_date_nor_are_dated():
    upstream = make()
    upstream.decided(chunk(0.05, SOURCE_JOINT), PASSED)
    upstream.decided(chunk(t0_ns=None), PASSED)
    assert upstream.aged(chunk(0.0), now()) is None
    upstream.decided(chunk(0.0), PASSED)
    assert upstream.aged(chunk(-0.1, SOURCE_JOINT), now()) is None
    assert upstream.aged(chunk(0.6, SOURCE_JOINT), now()).reason == "command_future"
    assert upstream.aged(chunk(t0_ns=None), now()) is None


def test_what_was_begun_before_the_arming_is_refused_and_arming_forgets_the_order():
    upstream = make()
    upstream.decided(chunk(0.0), PASSED)
    upstream.forget(ROS - NS // 2)
    assert upstream.aged(chunk(-0.75), now()).reason == "chunk_before_reset"
    assert upstream.aged(chunk(-0.25), now()) is None


def test_only_chunks_are_judged_by_their_evidence_and_their_doubt():
    upstream = make(UpstreamConfig(evidence=EvidenceConfig(required=("front",))))
    assert judged(upstream, chunk()) == "camera_missing"
    assert judged(upstream, chunk(source=SOURCE_JOINT)) is None
    assert judged(upstream, chunk(t0_ns=None)) is None
    doubtful = make()
    assert judged(doubtful, chunk(speed=0.01)) == "unsure"
    assert judged(doubtful, chunk(speed=0.01, source=SOURCE_JOINT)) is None


@pytest.mark.parametrize(("min_rate", "stalled"), [(1.0, True), (0.5, False)])
def test_a_stall_of_a_camera_is_waited_for_in_a_slow_simulation(min_rate, stalled):
    upstream = make(min_rate=min_rate, simulated=True)
    assert judged(upstream, chunk(cameras=[("front", 0.0)])) is None
    reason = judged(upstream, chunk(cameras=[("front", 0.0)]), 0.4)
    assert (reason == "camera_stalled") is stalled


def test_pictures_may_be_as_old_as_content():
    assert judged(make(), chunk(cameras=[("front", -0.9)])) is None
    assert judged(make(), chunk(cameras=[("front", -1.1)])) == "camera_stale"


def overdue(upstream, after_s):
    verdict = upstream.overdue(lambda: True, now(after_s).steady_ns, after_s)
    return None if verdict is None else verdict.reason


def test_a_plan_is_overdue_while_a_chunk_runs():
    upstream = make()
    upstream.installed(Trace(SOURCE_CHUNK), now().steady_ns, 0.0)
    assert overdue(upstream, 0.25) is None and overdue(upstream, 0.5) == "plan_overdue"
    for ends in (upstream.given_up, lambda: upstream.installed(Trace(SOURCE_JOINT), now().steady_ns, 0.0),
                 lambda: upstream.forget(ROS)):  # fmt: skip
        upstream.installed(Trace(SOURCE_CHUNK), now().steady_ns, 0.0)
        ends()
        assert overdue(upstream, 9.0) is None


def test_a_flutter_asks_for_proof_by_the_steady_clock():
    upstream = make()
    for after in (0.5, 1.0):
        upstream.installed(Trace(SOURCE_CHUNK), now(after - 0.5).steady_ns, after - 0.5)
        assert overdue(upstream, after) == "plan_overdue"
    assert judged(upstream, chunk(1.0), 1.0) == "plan_unsteady"
    assert [judged(upstream, chunk(1.0 + 0.125 * k), 1.0 + 0.125 * k) for k in range(1, 5)] == ["plan_unsteady"] * 3 + [
        None
    ]


def test_arming_forgets_doubt_evidence_and_flutter():
    upstream = make()
    assert judged(upstream, chunk(speed=0.01)) == "unsure"
    upstream.forget(ROS)
    least, resume = CONFIG.min_speed_scale, CONFIG.resume_speed_scale
    assert judged(upstream, chunk(0.1, speed=0.5 * (least + resume)), 0.1) is None
    judged(upstream, chunk(0.2, cameras=[("front", 0.0)]), 0.2)
    upstream.forget(ROS)
    assert judged(upstream, chunk(0.6, cameras=[("front", 0.0)]), 0.6) is None
