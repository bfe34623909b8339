"""The gate of a mobile base."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.errors import LimitsError
from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.proposal import SOURCE_CHUNK, SOURCE_TWIST, Trace
from vla_core.safety.rules.twist import TwistProposal
from vla_core.safety.status import State
from vla_core.safety.twist_config import TwistConfig
from vla_core.safety.twist_gate import TwistGate

LIMITS = {
    "linear": Limit(0.5, "m/s", "x"),
    "angular": Limit(1.5, "rad/s", "x"),
    "linear_acceleration": Limit(2.0, "m/s^2", "x"),
    "angular_acceleration": Limit(6.0, "rad/s^2", "x"),
    "linear_jerk": Limit(40.0, "m/s^3", "x"),
    "angular_jerk": Limit(120.0, "rad/s^3", "x"),
}


class Base:
    def __init__(self, **changes):
        self.gate = TwistGate(TwistConfig(**{**LIMITS, **changes}))
        self.steady = self.ros = 10**9
        self.sent = []
        self.tick()

    @property
    def now(self):
        return Now(self.steady, self.ros)

    def tick(self, count=1, clock=1.0):
        for _ in range(count):
            self.steady += 10_000_000
            self.ros += round(10_000_000 * clock)
            command = self.gate.tick(self.now)
            self.sent.append(None if command is None else command.twist)
        return self

    def drive(self, *twists, source=SOURCE_TWIST, frame="", times=None, t0=None, scale=1.0, number=0):
        rows = np.array([[x, 0.0, 0.0, 0.0, 0.0, yaw] for x, yaw in twists]).reshape(-1, 6)
        at = np.arange(float(len(rows))) if times is None else np.array(times)
        return self.gate.submit(TwistProposal(Trace(source, number), frame, at, rows, t0, scale), self.now)

    @property
    def speeds(self):
        return np.array([twist for twist in self.sent if twist is not None])


@pytest.fixture
def base():
    made = Base()
    assert made.gate.reset(made.now) == ""
    return made


def test_starts_disarmed_and_silent():
    base = Base()
    assert base.drive((0.3, 0.0)).reason == "disarmed"
    assert base.tick(50).speeds.size == 0


def test_a_command_is_ramped_held_ramped_down_zeroed_and_silent(base):
    assert base.drive((0.3, 0.6)).decision is Decision.PASS
    base.tick(150)
    forward = base.speeds[:, 0]
    assert forward.max() == pytest.approx(0.3) and base.speeds[:, 5].max() == pytest.approx(0.6)
    assert np.abs(np.diff(forward)).max() <= 2.0 * 0.01 + 1e-9
    zeros = np.flatnonzero(~base.speeds.any(axis=1))
    assert 48 <= len(zeros) <= 52  # 500 ms
    assert base.sent[-1] is None
    moved = [k for k, twist in enumerate(base.sent) if twist is not None and twist.any()]
    assert 0.3 <= 0.01 * len(moved) <= 0.3 + 0.25


def test_a_stop_keeps_the_promise(base):
    for _ in range(60):
        base.drive((0.5, 1.5))
        base.tick()
    assert base.gate.status().state is State.EXECUTING
    base.gate.stop(Verdict(Decision.STOP, "operator", "emergency_stop", "x"))
    begun = base.steady
    while base.gate.moving(base.now):
        base.tick()
        assert base.steady - begun <= 400_000_000
    assert base.gate.status().state is State.STOPPED
    assert base.drive((0.1, 0.0)).reason == "stopped"
    assert base.gate.reset(base.now) == ""


def test_too_fast_keeps_the_curve(base):
    answer = base.drive((1.0, 1.0))
    assert (answer.decision, answer.reason, answer.value) == (Decision.SLOW, "velocity_limit", 1.0)
    base.tick(20)
    base.drive((1.0, 1.0))
    base.tick(20)
    np.testing.assert_allclose(base.speeds[-1][[0, 5]], [0.5, 0.5])
    assert base.drive((0.4, 3.0)).scale == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"twists": [(np.nan, 0.0)]}, "nonfinite"),
        ({"twists": [(np.inf, 0.0)]}, "nonfinite"),
        ({"scale": np.nan}, "nonfinite"),
        ({"scale": 0.0}, "dimensions"),
        ({"scale": 1.5}, "dimensions"),
        ({"frame": "map"}, "frame"),
        ({"twists": []}, "dimensions"),
        ({"twists": [(0.1, 0.0)] * 2, "times": [0.1, 0.1]}, "times_order"),
        ({"times": [-0.1]}, "times_order"),
        ({"times": [np.nan]}, "nonfinite"),
    ],
)
def test_what_is_wrong_is_refused_and_brakes(base, change, reason):
    base.drive((0.3, 0.0))
    base.tick(20)
    twists = change.pop("twists", [(0.1, 0.0)])
    answer = base.drive(*twists, **change)
    assert (answer.decision, answer.reason) == (Decision.HOLD, reason)
    assert base.tick(60).gate.status().state is State.HOLDING


def test_an_axis_the_base_lacks_is_refused(base):
    sideways = np.array([[0.0, 0.1, 0.0, 0.0, 0.0, 0.0]])
    answer = base.gate.submit(TwistProposal(Trace(SOURCE_TWIST), "base_link", np.zeros(1), sideways), base.now)
    assert answer.reason == "twist_axis"


@pytest.mark.parametrize("axes", [(), ("linear.w",)])
def test_unknown_axes_are_refused_at_load(axes):
    with pytest.raises(LimitsError, match=r"linear\.x"):
        Base(axes=axes)


def test_a_chunk_is_followed_by_its_stamps(base):
    base.tick(20)
    t0 = base.ros - 100_000_000
    base.gate._upstream._armed_ros_ns = 0
    answer = base.drive((0.2, 0.0), (0.3, 0.2), source=SOURCE_CHUNK, times=[0.1, 0.6], t0=t0, scale=0.5, number=1)
    assert answer.reason == "speed_scale"
    base.tick(25)
    assert base.speeds[-1][0] == pytest.approx(0.125, abs=0.005)
    assert base.drive((0.2, 0.0), source=SOURCE_CHUNK, t0=t0, number=2).reason == "chunk_order"
    assert base.drive((0.2, 0.0)).reason == "source_busy"
    assert base.tick(150).gate.status().state is State.HOLDING


def test_a_promise_that_cannot_be_kept_is_refused():
    with pytest.raises(LimitsError, match=r"lower the speed to 0\.\d+ m/s"):
        Base(linear_acceleration=Limit(1.0, "m/s^2", "x"))


def test_the_button_and_disarming(base):
    base.drive((0.3, 0.0))
    base.tick(5)
    base.gate.press(True)
    assert "still" in base.gate.reset(base.now)
    base.tick(60)
    assert "vla/e_stop" in base.gate.reset(base.now)
    base.gate.press(False)
    assert base.gate.reset(base.now) == ""
    base.drive((0.3, 0.0))
    base.gate.disarm()
    assert base.tick(60).gate.status().state is State.DISARMED


def test_clock_faults(base):
    base.drive((0.3, 0.0))
    base.ros += 3 * 10**9
    base.tick()
    assert base.gate.status().verdict.reason == "clock_jump"
    base.ros -= 3 * 10**9
    base.tick()
    assert base.gate.status().verdict.reason == "clock_back"
    assert base.gate.reset(base.now).startswith("clock_back")
    base.tick(60)
    assert base.gate.reset(base.now) == ""


def test_a_command_goes_out_at_once(base):
    base.tick(3)
    base.drive((0.3, 0.0))
    assert base.gate.command(base.now) is not None


def test_refusals_of_other_kinds_are_recorded(base):
    base.drive((0.3, 0.0))
    bad = Verdict(Decision.HOLD, "twist_shape", "chunk_kind", "x")
    base.gate.refuse(bad, Trace(SOURCE_CHUNK), base.now)
    assert base.gate.status().verdict.reason == "source_busy"
    base.gate.refuse(bad, Trace(SOURCE_TWIST), base.now)
    assert base.gate.status().verdict.reason == "chunk_kind"


def test_twists_that_meet_a_stalled_clock_do_not_latch_a_stop():
    base = Base(refusals_to_stop=2)
    base.gate.reset(base.now)
    base.tick(20, clock=0.0)
    assert {base.drive((0.1, 0.0)).reason for _ in range(4)} == {"clock_stalled"}
    assert base.gate.status().state is State.HOLDING
    base.tick(2)
    assert base.drive((0.1, 0.0)).decision is Decision.PASS


def test_a_stamp_of_the_future_does_not_block_the_twists_after_it(base):
    chunk = {"source": SOURCE_CHUNK, "number": 1}
    assert base.drive((0.1, 0.0), t0=base.ros + 3_600_000_000_000, **chunk).reason == "chunk_future"
    assert base.drive((0.1, 0.0), t0=base.ros, **chunk).decision is Decision.PASS


@pytest.mark.parametrize(
    ("ago_s", "reason"), [(0.0, ""), (0.5, ""), (0.501, "command_stale"), (-0.1, ""), (-0.101, "command_future")]
)
def test_a_stamped_twist_is_for_now_or_refused(base, ago_s, reason):
    base.tick(100)
    base.drive((0.2, 0.0))
    base.tick(20)
    base.drive((0.2, 0.0))
    assert base.drive((0.4, 0.0), t0=base.ros - round(ago_s * 1e9)).reason == reason
    base.tick(20)
    assert base.speeds[-1][0] == (0.2 if reason else 0.4)  # what ran goes on


def test_many_refusals_latch():
    base = Base(refusals_to_stop=2)
    base.gate.reset(base.now)
    base.drive((np.nan, 0.0))
    base.drive((np.nan, 0.0))
    assert base.gate.status().verdict.reason == "repeated_refusals"


def test_a_chunk_that_has_ended_is_not_overdue():
    """It ends before the dead man's patience does, and the base comes to rest without a fault."""
    base = Base(timeout_s=0.02)
    base.gate.reset(base.now)
    base.drive((0.1, 0.0), source=SOURCE_CHUNK, t0=base.ros, number=1)
    base.tick(60)
    assert base.gate.status().verdict.decision is Decision.PASS and base.gate.status().state is State.HOLDING
