"""What tests of every package share: valid examples, a mock robot, and conformance suites to inherit from.

The suites need pytest and are imported by their own names: ``vla_core.testing.policy_conformance`` and
``vla_core.testing.robot_conformance``.
"""

from vla_core.testing.examples import (
    GRIPPER_OPEN_M,
    HOME_RAD,
    make_base_twist_example,
    make_base_twist_mapping,
    make_contract_example,
    make_contract_mapping,
    make_ee_delta_example,
    make_ee_delta_mapping,
    make_observation_example,
)
from vla_core.testing.mock_robot import MockRobot

__all__ = [
    "GRIPPER_OPEN_M",
    "HOME_RAD",
    "MockRobot",
    "make_base_twist_example",
    "make_base_twist_mapping",
    "make_contract_example",
    "make_contract_mapping",
    "make_ee_delta_example",
    "make_ee_delta_mapping",
    "make_observation_example",
]
