"""What the operator hears."""

from __future__ import annotations

import numpy as np
import pytest
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from vla_inference.monitor.reporter import Reporter
from vla_msgs.msg import SafetyStatus

pytestmark = pytest.mark.ros


@pytest.mark.parametrize("way", ["topic", "service"])
def test_a_stop_is_told_at_once_and_not_with_the_next_period(monitor, robot, monkeypatch, way):
    told = []
    monkeypatch.setattr(Reporter, "changed", lambda self: told.append(monitor._driver.status().verdict.reason))
    monitor._driver._report = lambda: None  # what the stream tells of itself
    if way == "topic":
        monitor._on_e_stop(Bool(data=True))
    else:
        monitor._on_emergency_stop(Trigger.Request(), Trigger.Response())
    assert told == ["emergency_stop"]


def test_a_monitor_that_is_activated_again_is_disarmed_and_a_stop_outlives_it(monitor, robot):
    assert robot.call("vla/emergency_stop").success
    robot.wait_status(state=SafetyStatus.STOPPED)
    monitor.trigger_deactivate()
    monitor.trigger_activate()
    robot.goto([0.5, 0.0], 1.0)
    robot.wait_status(state=SafetyStatus.STOPPED, e_stop=True)
    assert np.abs(robot.position).max() == 0.0
    robot.arm()
