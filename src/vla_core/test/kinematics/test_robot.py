from __future__ import annotations

import numpy as np
import pytest

from vla_core.errors import KinematicsError
from vla_core.kinematics import RobotKinematics
from vla_core.testing import chain

RNG = np.random.default_rng(7)
ARM = RobotKinematics(chain.urdf(), chain.JOINTS)


def some_q() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return RNG.uniform(chain.LOWER, chain.UPPER)


def test_the_tool_is_where_the_dh_parameters_put_it() -> None:
    for _ in range(20):
        q = some_q()
        np.testing.assert_allclose(ARM.T_base_link(q, "tool0"), chain.forward(q), atol=1e-9)


def test_the_jacobian_is_the_derivative_of_the_pose() -> None:
    q, step = some_q(), 1e-6
    pose, jacobian = ARM.T_base_link(q, "tool0"), ARM.jacobian(q, "tool0")
    for joint in range(7):
        ahead = ARM.T_base_link(q + step * np.eye(7)[joint], "tool0")
        linear = pose[:3, :3].T @ (ahead[:3, 3] - pose[:3, 3]) / step
        spin = (pose[:3, :3].T @ ahead[:3, :3] - np.eye(3)) / step
        np.testing.assert_allclose(jacobian[:3, joint], linear, atol=1e-5)
        np.testing.assert_allclose(jacobian[3:, joint], [spin[2, 1], spin[0, 2], spin[1, 0]], atol=1e-5)


def test_joints_are_taken_in_the_order_asked_for() -> None:
    reverse = RobotKinematics(chain.urdf(), chain.JOINTS[::-1])
    q = some_q()
    np.testing.assert_allclose(reverse.T_base_link(q[::-1], "tool0"), chain.forward(q), atol=1e-9)
    np.testing.assert_allclose(reverse.jacobian(q[::-1], "tool0"), ARM.jacobian(q, "tool0")[:, ::-1], atol=1e-12)


def test_any_link_and_any_base() -> None:
    q = some_q()
    poses = ARM.all_links(q)
    assert list(poses) == ["base_link", *(f"link{i}" for i in range(1, 8)), "tool0", "finger", "wheel"]
    np.testing.assert_allclose(poses["base_link"], np.eye(4))
    from_link2 = RobotKinematics(chain.urdf(), chain.JOINTS, base="link2").T_base_link(q, "tool0")
    np.testing.assert_allclose(poses["link2"] @ from_link2, poses["tool0"], atol=1e-9)


def test_other_joints_stand_where_they_are_said_to() -> None:
    q = some_q()
    opened = RobotKinematics(chain.urdf(), chain.JOINTS, rest={"finger_joint1": 0.03, "wheel_joint": np.pi / 2})
    between = np.linalg.inv(opened.T_base_link(q, "tool0")) @ opened.T_base_link(q, "finger")
    np.testing.assert_allclose(between[:3, 3], [0, 0.03, 0], atol=1e-12)
    np.testing.assert_allclose(opened.T_base_link(q, "wheel")[:2, 0], [0, 1], atol=1e-12)


def test_a_continuous_joint_may_turn_for_ever() -> None:
    wheel = RobotKinematics(chain.urdf(), ("wheel_joint",))
    once, again = (wheel.T_base_link(np.array([angle]), "wheel") for angle in (0.7, 0.7 + 20 * np.pi))
    np.testing.assert_allclose(once, again, atol=1e-9)
    np.testing.assert_allclose(wheel.jacobian(np.array([0.7]), "wheel")[:, 0], [0, 0, 0, 0, 0, 1], atol=1e-12)


def test_a_jacobian_after_a_pose_elsewhere_is_not_stale() -> None:
    a, b = some_q(), some_q()
    fresh = RobotKinematics(chain.urdf(), chain.JOINTS).jacobian(a, "tool0")
    ARM.T_base_link(b, "tool0")
    np.testing.assert_array_equal(ARM.jacobian(a, "tool0"), fresh)
    ARM.T_base_link(b, "tool0")
    ARM.T_base_link(a, "tool0")
    np.testing.assert_array_equal(ARM.jacobian(a, "tool0"), fresh)


def test_errors_name_what_there_is() -> None:
    with pytest.raises(KinematicsError, match="'hand'; it has: base_link, link1"):
        ARM.T_base_link(some_q(), "hand")
    with pytest.raises(KinematicsError, match="'elbow'; it has: joint1"):
        RobotKinematics(chain.urdf(), ("elbow",))
    with pytest.raises(KinematicsError, match="'tool'; it has: joint1"):
        RobotKinematics(chain.urdf(), ("tool",))
    with pytest.raises(KinematicsError, match="'world'"):
        RobotKinematics(chain.urdf(), chain.JOINTS, base="world")
    with pytest.raises(KinematicsError, match="well-formed"):
        RobotKinematics("<robot>", ())
    with pytest.raises(KinematicsError, match="document type"):
        RobotKinematics('<!DOCTYPE r [<!ENTITY e "x">]>' + chain.urdf(), chain.JOINTS)


@pytest.mark.parametrize("q", [np.zeros(6), np.full(7, np.nan)])
def test_a_configuration_of_another_size_or_not_finite_is_refused(
    q: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    with pytest.raises(KinematicsError, match="7 finite numbers"):
        ARM.T_base_link(q, "tool0")
