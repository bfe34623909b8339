"""The example robots: each file goes through the loaders that a real robot's would, and they agree with each other.

What the vendors' URDFs say is stated here again, as numbers with their source; their files are not ours to ship.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from vla_bringup.robot.parameter_file import parameters_of
from vla_core.contract import Contract, load_contract
from vla_core.safety.config import GateConfig
from vla_core.urdf import parse_urdf
from vla_inference.inference.make_planner import RobotModel, arm_joints, make_planner
from vla_inference.inference.parameters import BaseLimits, declare_parameters
from vla_inference.monitor import parameters as monitor_parameters
from vla_inference.monitor.base_driver import twist_config
from vla_inference.monitor.robot_model import gate_config, resolve

ROBOTS = Path(__file__).resolve().parents[2] / "config" / "robots"
NAMES = sorted(folder.name for folder in ROBOTS.iterdir() if folder.is_dir())
PI = math.pi

# joint -> lower, upper [rad or m], velocity [rad/s or m/s], effort [N m or N]
URDFS: dict[str, dict[str, tuple[float, float, float, float]]] = {
    # franka_description, robots/fr3/joint_limits.yaml and end_effectors/common/franka_hand.xacro
    "franka_fr3": {
        "fr3_joint1": (-2.7437, 2.7437, 2.62, 87.0),
        "fr3_joint2": (-1.7837, 1.7837, 2.62, 87.0),
        "fr3_joint3": (-2.9007, 2.9007, 2.62, 87.0),
        "fr3_joint4": (-3.0421, -0.1518, 2.62, 87.0),
        "fr3_joint5": (-2.8065, 2.8065, 5.26, 12.0),
        "fr3_joint6": (0.5445, 4.5169, 4.18, 12.0),
        "fr3_joint7": (-3.0159, 3.0159, 5.26, 12.0),
        "fr3_finger_joint1": (0.0, 0.04, 0.2, 100.0),
    },
    # ur_description, config/ur5e/joint_limits.yaml
    "ur5e": {
        "shoulder_pan_joint": (-2 * PI, 2 * PI, PI, 150.0),
        "shoulder_lift_joint": (-2 * PI, 2 * PI, PI, 150.0),
        "elbow_joint": (-PI, PI, PI, 150.0),
        "wrist_1_joint": (-2 * PI, 2 * PI, PI, 28.0),
        "wrist_2_joint": (-2 * PI, 2 * PI, PI, 28.0),
        "wrist_3_joint": (-2 * PI, 2 * PI, PI, 28.0),
    },
    # SO-ARM100, Simulation/SO101/so101_new_calib.urdf
    "so101": {
        "shoulder_pan": (-1.91986, 1.91986, 10.0, 10.0),
        "shoulder_lift": (-1.74533, 1.74533, 10.0, 10.0),
        "elbow_flex": (-1.69, 1.69, 10.0, 10.0),
        "wrist_flex": (-1.65806, 1.65806, 10.0, 10.0),
        "wrist_roll": (-2.79253, 2.79253, 10.0, 10.0),
        "gripper": (-0.174533, 1.74533, 10.0, 10.0),
    },
}
ARMS = sorted([*URDFS, "generic_7dof"])
ANY_BASE = BaseLimits(0.5, 1.0, 1.0, 3.0)


def urdf(name: str) -> str:
    """The vendor's joints in a chain without shapes; of the generic arm what is shipped."""
    if name not in URDFS:
        return (ROBOTS / name / "dry_run.urdf").read_text()
    joints, parent = ['<link name="base_link"/>'], "base_link"
    for joint, (lower, upper, velocity, effort) in URDFS[name].items():
        kind = "prismatic" if "finger" in joint else "revolute"
        joints.append(
            f'<link name="{joint}_link"/><joint name="{joint}" type="{kind}"><parent link="{parent}"/>'
            f'<child link="{joint}_link"/><origin xyz="0 0 0.1"/><axis xyz="0 0 1"/>'
            f'<limit lower="{lower}" upper="{upper}" velocity="{velocity}" effort="{effort}"/></joint>'
        )
        parent = f"{joint}_link"
    return f'<robot name="{name}">{"".join(joints)}</robot>'


def content(name: str, file: str) -> Any:
    return yaml.safe_load((ROBOTS / name / file).read_text())


def stated(name: str, node: str) -> dict[str, Any]:
    found = parameters_of(ROBOTS / name / "robot.yaml", node)
    assert found is not None
    return found


def monitor(name: str, **changes: object) -> dict[str, Any]:
    defaults = {parameter: spec.default for parameter, spec in monitor_parameters.SPECS.items()}
    return {**defaults, **stated(name, "safety_monitor"), **changes}


def contract(name: str) -> Contract:
    return load_contract(content(name, "policy.yaml"))


def gate(name: str, **changes: object) -> GateConfig:
    return gate_config(urdf(name), monitor(name, **changes))


class Declared:
    """Takes what inference_node declares, and keeps it."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def has_parameter(self, name: str) -> bool:
        return name in self.values

    def declare_parameter(self, name: str, value: object, descriptor: object) -> None:
        self.values[name] = value


@pytest.mark.parametrize("name", NAMES)
class TestEveryRobot:
    def test_it_has_its_files(self, name: str) -> None:
        files = {path.name for path in (ROBOTS / name).iterdir()}
        assert {"robot.yaml", "controllers.yaml", "policy.yaml"} <= files
        assert ("joint_limits.yaml" in files) == (name in ARMS)

    def test_the_monitors_parameters_exist_with_these_types_and_ranges(self, name: str) -> None:
        for parameter, value in stated(name, "safety_monitor").items():
            if parameter == "use_sim_time":
                assert value is False
                continue
            spec = monitor_parameters.SPECS[parameter]
            assert type(value) is type(spec.default), parameter
            if spec.low is not None and spec.high is not None:
                assert spec.low <= value <= spec.high, parameter

    def test_the_inference_nodes_parameters_exist_with_these_types(self, name: str) -> None:
        node = Declared()
        declare_parameters(node)  # type: ignore[arg-type]
        parameters = stated(name, "inference_node")
        known = {f"camera.{camera}.{what}": "" for camera in parameters["cameras"] for what in ("topic", "transport")}
        for parameter, value in parameters.items():
            if parameter != "use_sim_time":
                assert type(value) is type({**node.values, **known}[parameter]), parameter

    def test_the_first_motion_is_at_a_tenth(self, name: str) -> None:
        assert stated(name, "safety_monitor")["velocity_scale"] == 0.1

    def test_cameras_of_contract_planner_and_gate_are_the_same(self, name: str) -> None:
        cameras = set(contract(name).camera_names)
        assert cameras == set(stated(name, "inference_node")["cameras"])
        assert cameras == set(stated(name, "safety_monitor")["required_cameras"])

    def test_every_controller_has_a_type_and_the_commanded_one_exists(self, name: str) -> None:
        files = content(name, "controllers.yaml")
        types = files["controller_manager"]["ros__parameters"]
        typed = {one for one, value in types.items() if isinstance(value, dict)}
        assert set(files) - {"controller_manager"} <= typed
        values = monitor(name)
        topics = [values["twist_topic"]] if name == "diff_drive" else [values["command_topic"]]
        topics += [values["gripper_topic"]] if name in ARMS and values["gripper_joint"] else []
        for topic in topics:
            assert topic.partition("/")[0] in typed


@pytest.mark.parametrize("name", ARMS)
class TestEveryArm:
    def test_the_gate_takes_it_at_a_tenth_and_at_full_speed(self, name: str) -> None:
        slow, full = gate(name), gate(name, velocity_scale=1.0)
        assert slow.limits.velocity == pytest.approx(0.1 * full.limits.velocity)
        assert slow.limits.acceleration == pytest.approx(full.limits.acceleration)  # a stop is no weaker
        promised = full.promised_stop_s
        needed = full.brake.require(promised, full.period_s)
        assert 0.8 * promised < needed <= promised  # no idle reserve that hides a wrong number

    def test_joints_agree_everywhere(self, name: str) -> None:
        values, policy = monitor(name), contract(name)
        controller = content(name, "controllers.yaml")[values["command_topic"].partition("/")[0]]["ros__parameters"]
        assert values["joints"] == controller["joints"] == list(arm_joints(policy))
        limited = list(content(name, "joint_limits.yaml")["joint_limits"])
        assert limited[: len(values["joints"])] == values["joints"]
        assert set(limited) <= set(parse_urdf(urdf(name)))
        assert (policy.action.gripper.name if policy.action.gripper else "") == values["gripper_joint"]
        if values["gripper_joint"]:
            hand = content(name, "controllers.yaml")[values["gripper_topic"].partition("/")[0]]["ros__parameters"]
            assert hand["joints"] == [values["gripper_joint"]]

    def test_both_nodes_read_the_same_limits(self, name: str) -> None:
        files = {stated(name, node)["joint_limits_file"] for node in ("safety_monitor", "inference_node")}
        assert files == {f"package://vla_bringup/config/robots/{name}/joint_limits.yaml"}
        assert resolve(files.pop()).read_text() == (ROBOTS / name / "joint_limits.yaml").read_text()

    def test_a_planner_can_be_made_for_the_contract(self, name: str) -> None:
        limits = ROBOTS / name / "joint_limits.yaml"
        make_planner(contract(name), RobotModel(urdf(name), limits, ANY_BASE), lambda: None)

    def test_the_controller_joins_trajectories_where_the_last_one_leads(self, name: str) -> None:
        arm = content(name, "controllers.yaml")[monitor(name)["command_topic"].partition("/")[0]]["ros__parameters"]
        assert arm["interpolate_from_desired_state"] is True
        assert arm["allow_nonzero_velocity_at_trajectory_end"] is False
        assert arm["allow_partial_joints_goal"] is False
        assert arm["constraints"] == {"goal_time": 0.0, "stopped_velocity_tolerance": 0.0}
        assert "velocity" in arm["state_interfaces"]


def test_the_generic_arm_is_the_simulated_one_and_mock_hardware_has_its_joints() -> None:
    dry = (ROBOTS / "generic_7dof" / "dry_run.urdf").read_text()
    simulated = (ROBOTS.parents[2] / "vla_sim" / "vla_sim" / "assets" / "arm.urdf").read_text()
    joints = parse_urdf(dry)
    assert joints == {name: joint for name, joint in parse_urdf(simulated).items() if name in joints}
    hardware = dry.partition("<ros2_control")[2].partition("</ros2_control>")[0]
    values = monitor("generic_7dof")
    for joint in [*values["joints"], values["gripper_joint"]]:
        assert f'<joint name="{joint}">' in hardware
    assert "mock_components/GenericSystem" in hardware and "xacro:" not in dry


def test_the_shipped_policy_fits_the_generic_arm() -> None:
    policy = ROBOTS.parents[2] / "vla_policy" / "policies" / "tabletop" / "policy.yaml"
    shipped = load_contract(yaml.safe_load(policy.read_text()))
    assert set(arm_joints(shipped)) == set(monitor("generic_7dof")["joints"])


def test_the_generic_arm_is_kept_out_of_its_table() -> None:
    assert gate("generic_7dof").collision is not None


# libfranka, include/franka/rate_limiting.h: |v| stays below min(cap, -offset + sqrt(gain * distance to the end)).
FR3_CURVES = {
    "fr3_joint1": (2.62, 0.30, 12.0, -2.7501, 2.7501),
    "fr3_joint2": (2.62, 0.20, 5.17, -1.7918, 1.7918),
    "fr3_joint3": (2.62, 0.20, 7.0, -2.9065, 2.9065),
    "fr3_joint4": (2.62, 0.30, 8.0, -3.0481, -0.1458),
    "fr3_joint5": (5.26, 0.35, 34.0, -2.8101, 2.8101),
    "fr3_joint6": (4.18, 0.35, 11.0, 0.54092, 4.5205),
    "fr3_joint7": (5.26, 0.35, 34.0, -3.0196, 3.0196),
}
FR3_TOLERANCE = 0.001 + 3 * 0.001 * 10.0


def test_the_fr3_stays_below_its_velocity_curves_wherever_it_may_be() -> None:
    limits = gate("franka_fr3", velocity_scale=1.0).limits
    for index, name in enumerate(limits.joint_names):
        cap, offset, gain, low, high = FR3_CURVES[name]
        for step in range(201):
            q = limits.lower[index] + (limits.upper[index] - limits.lower[index]) * step / 200
            allowed = min(cap, *(math.sqrt(gain * distance) - offset for distance in (high - q, q - low)))
            assert limits.velocity[index] < allowed - FR3_TOLERANCE
    assert max(limits.acceleration) < 10.0 and max(limits.jerk) < 5000.0


def test_the_so101s_numbers_follow_from_its_masses_and_its_servo() -> None:
    parts = [(0.103, 0.09), (0.104, 0.21), (0.079, 0.28), (0.087, 0.34), (0.012, 0.36)]  # kg, m from shoulder_lift
    gravity = 9.81 * sum(mass * arm for mass, arm in parts)
    inertia = sum(mass * arm**2 for mass, arm in parts)
    stall, free = 19.5 * 9.81 / 100, (PI / 3) / 0.222
    limits = gate("so101", velocity_scale=1.0).limits
    share = (limits.acceleration[0] * inertia + gravity) / stall
    assert share == pytest.approx(0.57, abs=0.005)
    assert limits.velocity[0] <= (1 - share) * free


class TestTheBase:
    def test_the_gate_takes_it_at_a_tenth_and_at_full_speed(self) -> None:
        slow, full = twist_config(monitor("diff_drive")), twist_config(monitor("diff_drive", velocity_scale=1.0))
        assert (slow.linear.value, slow.angular.value) == pytest.approx((0.05, 0.1))
        assert (full.linear.value, full.angular.value) == (0.5, 1.0)

    def test_its_controller_never_bends_a_ramp_and_stops_by_itself(self) -> None:
        values = monitor("diff_drive")
        controller = content("diff_drive", "controllers.yaml")["diff_drive_controller"]["ros__parameters"]
        assert values["twist_timeout_s"] < controller["cmd_vel_timeout"] <= 1.0
        for axis, kind in (("linear.x", "linear"), ("angular.z", "angular")):
            assert values[f"max_{kind}"] <= controller[f"{axis}.max_velocity"]
            strongest = [abs(controller[f"{axis}.{way}"]) for way in ("max_acceleration", "max_deceleration")]
            assert values[f"max_{kind}_acceleration"] <= min(strongest)

    def test_the_planner_stays_inside_the_gate(self) -> None:
        planner, values = stated("diff_drive", "inference_node"), monitor("diff_drive")
        for kind in ("linear", "angular", "linear_acceleration", "angular_acceleration"):
            assert planner[f"base.max_{kind}"] <= values[f"max_{kind}"]

    def test_the_contract_is_for_its_frame_and_axes(self) -> None:
        action, values = contract("diff_drive").action, monitor("diff_drive")
        assert action.frame == values["twist_frame"]
        assert [name.replace("_", ".") for name in action.names] == values["twist_axes"]
