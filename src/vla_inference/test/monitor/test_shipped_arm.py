"""The gate of the tabletop arm as it is shipped, its limits stated again as numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vla_core.safety.config import GateConfig
from vla_core.testing.gate_invariants import GateInvariants
from vla_inference.monitor.parameters import SPECS
from vla_inference.monitor.robot_model import gate_config

SOURCES = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("simulated", [False, True], ids=["real time", "simulated time"])
class TestTheShippedArm(GateInvariants):
    joints = ("joint1", "joint2", "joint3", "joint4", "joint5", "joint6", "joint7")
    home = (0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785)
    lower = (-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973)
    upper = (2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973)
    velocity = (2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61)
    acceleration = (15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0)
    jerk = (7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0)
    promised_stop_s = 0.4

    @pytest.fixture
    def config(self, simulated) -> GateConfig:
        content = yaml.safe_load((SOURCES / "vla_bringup" / "config" / "tabletop.yaml").read_text())
        stated = content["/**/safety_monitor"]["ros__parameters"]
        values = {name: spec.default for name, spec in SPECS.items()} | stated | {"use_sim_time": simulated}
        urdf = (SOURCES / "vla_sim" / "vla_sim" / "assets" / "arm.urdf").read_text()
        return gate_config(urdf, values)

    def test_its_gripper_and_its_deadlines(self, config) -> None:
        gripper = config.gripper
        assert (gripper.joint_names, gripper.lower[0], gripper.upper[0]) == (("finger_joint1",), 0.0, 0.04)
        assert gripper.velocity[0] == 0.2
        assert config.joint_state_age.value == 0.05
        assert config.tracking.value == 0.25 and config.tracking_patience.value == 0.1
        assert config.step.value == 0.25
        assert config.upstream.content_age.value == 1.0
        assert config.upstream.plan_timeout.value == 0.1
        assert config.collision is not None
