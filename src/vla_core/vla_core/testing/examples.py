"""Valid contracts and observations: executable documentation of their shapes, and the start of most tests."""

from __future__ import annotations

import numpy as np

from vla_core.contract import Contract, load_contract
from vla_core.types import Observation, read_only

HOME_RAD = (0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785)
"""Home of the tabletop arm, joint1..joint7 [rad]."""
GRIPPER_OPEN_M = 0.04
_LOWER_RAD = (-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973)
_UPPER_RAD = (2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973)
_JOINTS = tuple(f"joint{index}" for index in range(1, 8))


def _joints() -> list[dict[str, str]]:
    return [{"name": name, "unit": "rad"} for name in _JOINTS]


def make_contract_mapping(**changes: object) -> dict[str, object]:
    """``policy.yaml`` of a mock policy for the tabletop arm; ``changes`` replace top-level keys."""
    mapping: dict[str, object] = {
        "format": "vla-policy/1",
        "name": "tabletop_example",
        "version": "0.1.0",
        "license": "Apache-2.0",
        "runtime": "mock",
        "files": {},
        "cameras": [
            {
                "name": name,
                "width": 96,
                "height": 96,
                "encoding": "rgb8",
                "resize": "none",
                "resize_method": "stretch",
                "max_age_s": 0.3,
            }
            for name in ("front", "wrist")
        ],
        "max_skew_s": 0.05,
        "state": [*_joints(), {"name": "finger_joint1", "unit": "m"}],
        "state_range": {"min": [*_LOWER_RAD, 0.0], "max": [*_UPPER_RAD, 0.04], "margin": 0.1},
        "action": {
            "space": "joint_position",
            "kind": "chunk_relative",
            "dimensions": _joints(),
            "gripper": {"name": "finger_joint1", "unit": "m", "kind": "absolute", "open": 0.04, "closed": 0.0},
            "period_s": 0.1,
            "horizon": 8,
        },
        "normalization": {
            "state": {"method": "mean_std", "mean": [*HOME_RAD, 0.02], "std": [0.5] * 7 + [0.02]},
            "action": {"method": "quantile", "q01": [-0.2] * 7 + [0.0], "q99": [0.2] * 7 + [0.04]},
        },
        "tokenizer": {"convention": "endpoint_grid", "bins": 256, "low": -1.0, "high": 1.0, "decode": "expected"},
        "done": {"threshold": 0.5, "hold_chunks": 3},
        "mock": {"behaviour": "hold"},
    }
    return mapping | changes


def make_ee_delta_mapping(rotation: str = "rotation_vector", **changes: object) -> dict[str, object]:
    """``policy.yaml`` whose actions are deltas of tool0's pose in base_link; gripper in metres."""
    columns = {
        "rotation_vector": [("rx", "rad"), ("ry", "rad"), ("rz", "rad")],
        "euler_xyz": [("roll", "rad"), ("pitch", "rad"), ("yaw", "rad")],
        "quaternion_xyzw": [("qx", "1"), ("qy", "1"), ("qz", "1"), ("qw", "1")],
        "rotation_6d": [(f"r{index}", "1") for index in range(1, 7)],
    }[rotation]
    pairs = [("x", "m"), ("y", "m"), ("z", "m"), *columns]
    action = {
        "space": "ee_pose_delta",
        "kind": "step_relative",
        "rotation": rotation,
        "frame": "base_link",
        "tip": "tool0",
        "dimensions": [{"name": name, "unit": unit} for name, unit in pairs],
        "gripper": {"name": "finger_joint1", "unit": "m", "kind": "absolute", "open": 0.04, "closed": 0.0},
        "period_s": 0.1,
        "horizon": 8,
    }
    normalization = {"state": {"method": "none"}, "action": {"method": "none"}}
    return make_contract_mapping(
        **({"name": "ee_delta_example", "action": action, "normalization": normalization, "tokenizer": None} | changes)
    )


def make_base_twist_mapping(**changes: object) -> dict[str, object]:
    """``policy.yaml`` of a mock policy that drives a planar base: one camera, no joint state, no gripper."""
    action = {
        "space": "base_twist",
        "kind": "absolute",
        "frame": "base_link",
        "dimensions": [{"name": "linear_x", "unit": "m/s"}, {"name": "angular_z", "unit": "rad/s"}],
        "period_s": 0.1,
        "horizon": 8,
    }
    camera = {
        "name": "front",
        "width": 96,
        "height": 96,
        "encoding": "rgb8",
        "resize": "node",
        "resize_method": "crop",
        "max_age_s": 0.3,
    }
    return make_contract_mapping(
        **(
            {
                "name": "base_twist_example",
                "cameras": [camera],
                "state": [],
                "state_range": None,
                "action": action,
                "normalization": {"state": {"method": "none"}, "action": {"method": "none"}},
                "tokenizer": None,
                "done": None,
                "mock": {"behaviour": "constant", "values": [0.2, 0.3]},
            }
            | changes
        )
    )


def make_contract_example(**changes: object) -> Contract:
    """Contract of the tabletop arm: 2 cameras, 7 joints and a gripper, chunk-relative, 8 steps at 10 Hz."""
    return load_contract(make_contract_mapping(**changes))


def make_ee_delta_example(rotation: str = "rotation_vector", **changes: object) -> Contract:
    """Contract with end-effector deltas, step-relative."""
    return load_contract(make_ee_delta_mapping(rotation, **changes))


def make_base_twist_example(**changes: object) -> Contract:
    """Contract of a planar base: linear_x, angular_z."""
    return load_contract(make_base_twist_mapping(**changes))


def make_observation_example(
    contract: Contract, *, stamp_ns: int = 1_000_000_000, instruction: str = "pick up the red cube", seed: int = 0
) -> Observation:
    """An observation that satisfies ``contract``: noise images, the state in the middle of its training range."""
    rng = np.random.default_rng(seed)
    images = {
        camera.name: rng.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)
        for camera in contract.cameras
    }
    if contract.state_range is not None:
        state = (np.array(contract.state_range.min) + np.array(contract.state_range.max)) / 2
    else:
        state = np.zeros(len(contract.state))
    for image in images.values():
        image.setflags(write=False)
    return Observation(
        images=images,
        image_stamps_ns=dict.fromkeys(images, stamp_ns),
        state=read_only(state),
        state_stamp_ns=stamp_ns,
        instruction=instruction,
    )
