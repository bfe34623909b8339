"""The URDF is one robot to everything that reads it."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import mujoco
import numpy as np
import pinocchio
import pytest

from vla_core.limits import load_joint_limits
from vla_sim.robot import (
    ARM_JOINTS,
    GRIPPER_JOINT,
    GRIPPER_OPEN_M,
    HOME_Q,
    JOINT_LIMITS_PATH,
    MIMIC_JOINT,
    TOOL_BODY,
    URDF_PATH,
    WRIST_CAMERA_FRAME,
    urdf_text,
)

ALL_JOINTS = (*ARM_JOINTS, GRIPPER_JOINT, MIMIC_JOINT)
FRAMES = ("link4", "link7", "hand", "left_finger", "right_finger", TOOL_BODY, WRIST_CAMERA_FRAME)


def test_an_installation_by_copy_has_the_robots_files(tmp_path: Path) -> None:
    package = Path(__file__).parents[1]
    command = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(command, cwd=package, check=True, capture_output=True)
    for path in (URDF_PATH, JOINT_LIMITS_PATH):
        assert (tmp_path / "vla_sim" / path.relative_to(package / "vla_sim")).read_bytes() == path.read_bytes()


@pytest.fixture(scope="module")
def mujoco_model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(URDF_PATH))


@pytest.fixture(scope="module")
def pinocchio_model() -> pinocchio.Model:
    return pinocchio.buildModelFromUrdf(str(URDF_PATH))


def test_joints_and_their_order_are_the_same_everywhere(
    mujoco_model: mujoco.MjModel, pinocchio_model: pinocchio.Model
) -> None:
    assert tuple(mujoco_model.joint(index).name for index in range(mujoco_model.njnt)) == ALL_JOINTS
    assert tuple(pinocchio_model.names)[1:] == ALL_JOINTS


def test_position_limits_are_read_alike(mujoco_model: mujoco.MjModel, pinocchio_model: pinocchio.Model) -> None:
    np.testing.assert_allclose(mujoco_model.jnt_range[:, 0], pinocchio_model.lowerPositionLimit)
    np.testing.assert_allclose(mujoco_model.jnt_range[:, 1], pinocchio_model.upperPositionLimit)


def test_home_and_the_open_gripper_are_within_the_limits(mujoco_model: mujoco.MjModel) -> None:
    low, high = mujoco_model.jnt_range.T
    assert np.all(low[:7] + 0.1 < HOME_Q) and np.all(high[:7] - 0.1 > HOME_Q)
    assert GRIPPER_OPEN_M == high[7] == high[8]


@pytest.mark.parametrize("seed", range(10))
def test_forward_kinematics_of_mujoco_and_pinocchio_agree(
    mujoco_model: mujoco.MjModel, pinocchio_model: pinocchio.Model, seed: int
) -> None:
    q = np.random.default_rng(seed).uniform(*mujoco_model.jnt_range.T)
    data = mujoco.MjData(mujoco_model)
    data.qpos[:] = q
    mujoco.mj_kinematics(mujoco_model, data)
    other = pinocchio_model.createData()
    pinocchio.framesForwardKinematics(pinocchio_model, other, q)
    for frame in FRAMES:
        body, place = mujoco_model.body(frame).id, other.oMf[pinocchio_model.getFrameId(frame)]
        np.testing.assert_allclose(data.xpos[body], place.translation, atol=1e-9, err_msg=frame)
        np.testing.assert_allclose(data.xmat[body].reshape(3, 3), place.rotation, atol=1e-9, err_msg=frame)


def test_at_home_the_tool_looks_straight_down_in_front_of_the_base(mujoco_model: mujoco.MjModel) -> None:
    data = mujoco.MjData(mujoco_model)
    data.qpos[:7] = HOME_Q
    mujoco.mj_kinematics(mujoco_model, data)
    tool = mujoco_model.body(TOOL_BODY).id
    np.testing.assert_allclose(data.xmat[tool].reshape(3, 3)[:, 2], [0, 0, -1], atol=2e-3)
    np.testing.assert_allclose(data.xpos[tool], [0.307, 0.0, 0.487], atol=2e-3)


def test_the_opening_between_the_fingers_is_twice_the_joint(mujoco_model: mujoco.MjModel) -> None:
    data = mujoco.MjData(mujoco_model)
    data.qpos[7:] = 0.03
    mujoco.mj_kinematics(mujoco_model, data)
    left, right = (data.xpos[mujoco_model.body(name).id] for name in ("left_finger", "right_finger"))
    assert np.linalg.norm(left - right) == pytest.approx(0.06)


def test_every_inertia_is_one_that_a_body_can_have() -> None:
    links = [link for link in ET.fromstring(urdf_text()).iter("link") if link.find("inertial") is not None]
    assert len(links) >= 11
    for link in links:
        mass, inertia = link.find("inertial/mass"), link.find("inertial/inertia")
        assert mass is not None and float(mass.attrib["value"]) > 0.0, link.get("name")
        assert inertia is not None
        xx, yy, zz, xy, xz, yz = (float(inertia.attrib[f"i{axes}"]) for axes in ("xx", "yy", "zz", "xy", "xz", "yz"))
        small, middle, large = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        assert small > 0.0, link.get("name")
        assert small + middle >= large, f"{link.get('name')}: moments break the triangle inequality"


def test_the_only_link_without_mass_is_the_tool_and_frames() -> None:
    light = {link.get("name") for link in ET.fromstring(urdf_text()).iter("link") if link.find("inertial") is None}
    assert light <= {TOOL_BODY, WRIST_CAMERA_FRAME}


def test_every_moving_joint_states_all_its_limits() -> None:
    limits = load_joint_limits(urdf_text(), JOINT_LIMITS_PATH, (*ARM_JOINTS, GRIPPER_JOINT))
    assert limits.joint_names == (*ARM_JOINTS, GRIPPER_JOINT)
    assert limits.units == ("rad",) * 7 + ("m",)
    np.testing.assert_allclose(limits.velocity[:7], [2.175] * 4 + [2.61] * 3)
    np.testing.assert_allclose(limits.acceleration[:7], [15, 7.5, 10, 12.5, 15, 20, 20])
    np.testing.assert_allclose(limits.jerk[:7], [7500, 3750, 5000, 6250, 7500, 10000, 10000])
    assert np.isfinite(limits.effort).all()
