"""A base whose planner dies, is blind or unsure; and whatever happens, ramps inside their limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.errors import LimitsError
from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision, Limit
from vla_core.safety.latch import emergency
from vla_core.safety.proposal import SOURCE_CHUNK, SOURCE_TWIST, CameraEvidence, Evidence, Trace
from vla_core.safety.rules.evidence import EvidenceConfig
from vla_core.safety.rules.twist import AXES, TwistProposal
from vla_core.safety.status import State
from vla_core.safety.twist_config import TwistConfig
from vla_core.safety.twist_gate import TwistGate
from vla_core.safety.upstream import UpstreamConfig

LIMITS = {
    "linear": Limit(0.5, "m/s", "x"),
    "angular": Limit(1.5, "rad/s", "x"),
    "linear_acceleration": Limit(2.0, "m/s^2", "x"),
    "angular_acceleration": Limit(6.0, "rad/s^2", "x"),
    "linear_jerk": Limit(40.0, "m/s^3", "x"),
    "angular_jerk": Limit(120.0, "rad/s^3", "x"),
}
EVIDENCE = EvidenceConfig(("front",), motion=Limit(0.1, "m or rad", "x"))
UPSTREAM = UpstreamConfig(plan_timeout=Limit(0.1, "s", "x"), evidence=EVIDENCE)


class Base:
    def __init__(self, **changes):
        self.gate = TwistGate(TwistConfig(**{**LIMITS, "upstream": UPSTREAM, **changes}))
        self.steady = self.ros = 10**12
        self.sent, self.number = [np.zeros(6)], 0
        self.tick()
        assert self.gate.reset(self.now) == ""

    @property
    def now(self):
        return Now(self.steady, self.ros)

    def tick(self, count=1, clock=1.0):
        for _ in range(count):
            self.steady += 10_000_000
            self.ros += round(10_000_000 * clock)
            command = self.gate.tick(self.now)
            self.sent.append(np.zeros(6) if command is None else command.twist)

    def chunk(self, *twist, picture=None, scale=1.0, cameras=("front",)):
        self.number += 1
        evidence = Evidence(tuple(CameraEvidence(name, self.ros, picture or self.number) for name in cameras))
        twists = np.tile(twist or (0.3, 0.0, 0.0, 0.0, 0.0, 0.2), (8, 1))
        trace = Trace(SOURCE_CHUNK, self.number)
        return self.gate.submit(
            TwistProposal(trace, "", 0.1 * np.arange(8.0), twists, self.ros, scale, evidence), self.now
        )

    def drive(self, chunks=6, **chunk):
        reasons = []
        for _ in range(chunks):
            reasons.append(self.chunk(**chunk).reason)
            self.tick(5)
        return reasons

    def rest(self):
        begun = self.steady
        while self.gate.moving(self.now):
            self.tick()
            assert self.steady - begun <= 400_000_000


@pytest.mark.parametrize("clock", [1.0, 0.0])
def test_a_base_whose_planner_dies_is_at_rest_in_time(clock):
    base = Base()
    assert base.drive() == [""] * 6
    for _ in range(7):
        base.tick(clock=clock)
    assert (base.gate.status().state, base.gate.status().verdict.reason) == (State.STOPPING, "plan_overdue")
    base.rest()
    assert base.gate.status().state is State.HOLDING


def test_a_plan_that_ends_at_rest_and_a_twist_command_are_no_fault():
    base = Base()
    base.chunk(*[0.0] * 6)
    base.tick(150)
    twist = np.array([[0.2, 0.0, 0.0, 0.0, 0.0, 0.0]])
    assert base.gate.submit(TwistProposal(Trace(SOURCE_TWIST), "", np.zeros(1), twist), base.now).reason == ""
    base.tick(150)
    assert base.gate.status().count_hold == 0


def test_a_frozen_camera_is_found_once_the_base_was_commanded_to_move():
    base = Base()
    assert base.drive(20, picture=7)[:5] == [""] * 5
    assert base.gate.status().verdict.reason in ("camera_frozen", "repeated_refusals")
    base.rest()


def test_a_base_that_is_commanded_to_stand_may_see_the_same():
    base = Base()
    for _ in range(40):
        assert base.chunk(*[0.0] * 6, picture=7).reason == ""
        base.tick(5)


def test_a_missing_camera_brakes():
    base = Base()
    base.drive()
    answer = base.chunk(cameras=("rear",))
    assert (answer.decision, answer.reason) == (Decision.HOLD, "camera_missing")
    base.rest()


def test_an_unsure_policy_is_held_and_followed_again_when_it_is_sure():
    base = Base()
    base.drive()
    assert base.drive(30, scale=0.1) == ["unsure"] * 30
    assert base.gate.status().state is State.HOLDING and not base.sent[-1].any()
    assert base.drive(2, scale=0.3) == ["unsure"] * 2
    assert base.drive(2, scale=0.4) == ["speed_scale"] * 2


EVENTS = st.sampled_from(["chunk", "chunk", "twist", "nan", "stop", "reset", "jump", "silence"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(EVENTS, st.integers(1, 40), st.tuples(*[st.floats(-2.0, 2.0)] * 3)), min_size=2, max_size=14))
def test_whatever_happens_speed_acceleration_and_jerk_stay_inside(story):
    base = Base(axes=("linear.x", "linear.y", "angular.z"), promised_stop_s=0.47)
    for event, ticks, (x, y, yaw) in story:
        twist = np.array([[x, y, 0.0, 0.0, 0.0, yaw]])
        if event == "chunk":
            base.chunk(*twist[0])
        elif event in ("twist", "nan"):
            twist = twist * np.nan if event == "nan" else twist
            base.gate.submit(TwistProposal(Trace(SOURCE_TWIST), "", np.zeros(1), twist), base.now)
        elif event == "stop":
            base.gate.stop(emergency("test"))
        elif event == "reset":
            base.gate.reset(base.now)
        elif event == "jump":
            base.ros += 700_000_000
        base.tick(ticks)
    base.tick(150)
    sent = np.array(base.sent)
    assert not sent[-1].any()
    for part, names in ((slice(0, 3), "linear"), (slice(3, 6), "angular")):
        speed = sent[:, part]
        acceleration = np.diff(speed, axis=0) / 0.01
        jerk = np.diff(acceleration, axis=0) / 0.01
        for values, limit in ((speed, ""), (acceleration, "_acceleration"), (jerk, "_jerk")):
            assert np.linalg.norm(values, axis=1).max() <= LIMITS[names + limit].value * (1.0 + 1e-6)


@pytest.mark.parametrize("part", ["linear", "angular"])
@pytest.mark.parametrize("limit", ["", "_acceleration", "_jerk"])
def test_a_promise_that_one_limit_does_not_keep_is_refused_with_what_would_do(part, limit):
    old = LIMITS[part + limit]
    change = {part + limit: Limit(old.value * (1.6 if not limit else 0.4), old.unit, "x")}
    with pytest.raises(LimitsError, match="promised time to rest") as refused:
        TwistConfig(**{**LIMITS, **change})
    speed = float(str(refused.value).split("lower the speed to ")[1].split()[0])
    unit = LIMITS[part].unit
    TwistConfig(**{**LIMITS, **change, part: Limit(0.999 * speed, unit, "x")})


def test_several_axes_share_the_limits_of_their_vector():
    one = TwistConfig(**LIMITS).ramps[0]
    three = TwistConfig(**LIMITS, axes=AXES, promised_stop_s=0.7).ramps[0]
    assert three.acceleration == pytest.approx(one.acceleration / np.sqrt(3))
    assert three.jerk == pytest.approx(one.jerk / np.sqrt(3))


def test_a_turn_from_one_axis_to_another_stays_inside_the_speed_of_both():
    base = Base(axes=("linear.x", "linear.y", "angular.z"), promised_stop_s=0.47)
    for x, y in ((0.35, 0.35), (0.0, 0.5), (0.5, 0.0), (-0.3, -0.4)):
        for _ in range(120):
            twist = np.array([[x, y, 0.0, 0.0, 0.0, 0.0]])
            base.gate.submit(TwistProposal(Trace(SOURCE_TWIST), "", np.zeros(1), twist), base.now)
            base.tick(1)
        assert base.sent[-1][:2] == pytest.approx([x, y], abs=1e-6)
    speed = np.linalg.norm(np.array(base.sent)[:, :3], axis=1)
    assert 0.499 < speed.max() <= LIMITS["linear"].value * (1.0 + 1e-9)
