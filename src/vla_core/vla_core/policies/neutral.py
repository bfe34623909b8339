"""The action that moves nothing, in every action space."""

from __future__ import annotations

import numpy as np

from vla_core.contract.model import Contract
from vla_core.errors import ContractError
from vla_core.types import FloatArray

_NO_ROTATION = {
    "rotation_vector": (0.0, 0.0, 0.0),
    "euler_xyz": (0.0, 0.0, 0.0),
    "quaternion_xyzw": (0.0, 0.0, 0.0, 1.0),
    "rotation_6d": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
}


def neutral_action(contract: Contract, state: FloatArray) -> FloatArray:
    """(D,) the action that holds still from ``state``, the gripper at its present position.

    Raises:
        ContractError: an absolute action of a joint that the state does not contain.
    """
    action = contract.action
    if action.space == "ee_pose_delta":
        row = [0.0, 0.0, 0.0, *_NO_ROTATION[action.rotation or "rotation_vector"]]
    elif action.space == "joint_position" and action.kind == "absolute":
        row = [_present(contract, state, name) for name in action.names]
    else:
        row = [0.0] * len(action.dimensions)
    if action.gripper is not None:
        row.append(_present(contract, state, action.gripper.name))
    return np.array(row)


def _present(contract: Contract, state: FloatArray, name: str) -> float:
    if name not in contract.state_names:
        known = ", ".join(contract.state_names) or "(none)"
        raise ContractError(f"mock: cannot hold '{name}', which is not in state; state has {known}")
    return float(state[contract.state_names.index(name)])
