"""The gate of the planar base as it is shipped, its limits stated again as numbers, swept from both sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision
from vla_core.safety.latch import emergency
from vla_core.safety.proposal import SOURCE_TWIST, Trace
from vla_core.safety.rules.twist import TwistProposal
from vla_core.safety.twist_gate import TwistGate
from vla_inference.monitor.base_driver import twist_config
from vla_inference.monitor.parameters import SPECS

FILE = Path(__file__).resolve().parents[3] / "vla_bringup" / "config" / "safety_monitor_base.yaml"
AXES = {0: (0.5, 2.0, 40.0), 5: (1.5, 6.0, 120.0)}  # of linear.x and angular.z: speed, acceleration, jerk
PROMISED_STOP_S, TIMEOUT_S, ZEROS_S = 0.4, 0.3, 0.5


class Base:
    def __init__(self):
        stated = yaml.safe_load(FILE.read_text())["/**/safety_monitor"]["ros__parameters"]
        values = {name: spec.default for name, spec in SPECS.items()} | {"use_sim_time": False} | stated
        self.config = twist_config(values)
        self.gate = TwistGate(self.config)
        self.ns = 10**9
        self.sent = []
        self.tick()
        assert self.gate.reset(self.now) == ""

    @property
    def now(self):
        return Now(self.ns, self.ns + 10**15)

    def tick(self, count=1):
        for _ in range(count):
            self.ns += 10_000_000
            command = self.gate.tick(self.now)
            self.sent.append(np.full(6, np.nan) if command is None else command.twist)

    def drive(self, axis, speed, ticks):
        twist = np.zeros((1, 6))
        twist[0, axis] = speed
        for _ in range(ticks):
            answer = self.gate.submit(TwistProposal(Trace(SOURCE_TWIST), "", np.zeros(1), twist), self.now)
            self.tick()
        return answer


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("share", [0.5, 1 - 1e-3, 1 - 1e-6, 1.0, 1 + 1e-6, 1 + 1e-3, 2.0, 1e6])
def test_speeds_inside_pass_and_none_beyond_goes_out(axis, side, share):
    base, (speed, acceleration, jerk) = Base(), AXES[axis]
    answer = base.drive(axis, side * share * speed, 70)
    assert answer.decision is (Decision.PASS if share <= 1.0 else Decision.SLOW)
    sent = np.array(base.sent[1:])[:, axis]
    assert sent[-1] == pytest.approx(side * min(share, 1.0) * speed, rel=1e-6)
    assert np.abs(sent).max() <= speed * (1 + 1e-9)
    power = np.diff(sent) / 0.01
    assert np.abs(power).max() <= acceleration * (1 + 1e-6)
    assert np.abs(np.diff(power)).max() / 0.01 <= jerk * (1 + 1e-6)


@pytest.mark.parametrize("axis", AXES)
def test_a_stop_at_full_speed_keeps_the_promise_then_zeros_then_silence(axis):
    base = Base()
    base.drive(axis, AXES[axis][0], 70)
    base.gate.stop(emergency("test"))
    base.sent.clear()
    base.tick(200)
    sent = np.array(base.sent)
    due = round(PROMISED_STOP_S / 0.01)
    assert sent[0].any() and not sent[due : due + 10].any()
    silent = np.flatnonzero(np.isnan(sent[:, 0]))[0]
    zeros = np.flatnonzero(sent[:silent].any(axis=1))[-1] + 1
    assert (silent - zeros) * 0.01 == pytest.approx(ZEROS_S, abs=0.03)
    assert np.isnan(sent[silent:]).all()


def test_a_twist_that_nothing_follows_is_over_in_time():
    base = Base()
    base.drive(0, 0.5, 70)
    base.tick(round((TIMEOUT_S + PROMISED_STOP_S) / 0.01))
    assert not base.sent[-1].any()


@pytest.mark.parametrize("axis", [1, 2, 3, 4])
def test_axes_that_it_lacks_are_refused(axis):
    base = Base()
    assert base.drive(axis, 0.1, 1).reason == "twist_axis"
    assert base.config.promised_stop_s == PROMISED_STOP_S


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.1])
def test_a_scale_tightens_the_speeds_and_leaves_the_stop_as_strong(scale):
    stated = yaml.safe_load(FILE.read_text())["/**/safety_monitor"]["ros__parameters"]
    values = {name: spec.default for name, spec in SPECS.items()} | {"use_sim_time": False} | stated
    scaled, full = twist_config(values | {"velocity_scale": scale}), twist_config(values)
    assert (scaled.linear.value, scaled.angular.value) == (0.5 * scale, 1.5 * scale)
    assert scaled.linear_acceleration == full.linear_acceleration and scaled.angular_jerk == full.angular_jerk
