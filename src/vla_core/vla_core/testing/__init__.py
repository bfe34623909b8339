"""What tests of every package share: valid examples, and conformance suites to inherit from."""

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

__all__ = [
    "GRIPPER_OPEN_M",
    "HOME_RAD",
    "make_base_twist_example",
    "make_base_twist_mapping",
    "make_contract_example",
    "make_contract_mapping",
    "make_ee_delta_example",
    "make_ee_delta_mapping",
    "make_observation_example",
]
