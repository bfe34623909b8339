"""What a remote server calls the parts of an observation: read strictly, nothing left out or sent twice."""

from __future__ import annotations

from typing import Any

import pytest

from vla_core.contract import ObservationKeys, contract_to_mapping, load_contract
from vla_core.errors import ContractError
from vla_core.testing import make_contract_mapping

JOINTS = [f"joint{index}" for index in range(1, 8)]
DROID = {
    "cameras": {"front": "observation/exterior_image_1_left", "wrist": "observation/wrist_image_left"},
    "state_parts": {"observation/joint_position": JOINTS, "observation/gripper_position": ["finger_joint1"]},
}


def mapping(keys: object, **changes: object) -> dict[str, Any]:
    values = make_contract_mapping(runtime="remote", url="ws://127.0.0.1:8000", keys=keys, **changes)
    del values["mock"]
    return values


def test_keys_survive_being_written_and_read() -> None:
    contract = load_contract(mapping(DROID))
    assert contract.keys == ObservationKeys(
        cameras=DROID["cameras"],  # type: ignore[arg-type]
        state_parts={
            "observation/joint_position": tuple(JOINTS),
            "observation/gripper_position": ("finger_joint1",),
        },
    )
    assert load_contract(contract_to_mapping(contract)) == contract


def test_what_is_not_named_keeps_its_usual_key() -> None:
    keys = load_contract(mapping({"state": "state"})).keys
    assert keys == ObservationKeys(state="state")
    assert load_contract(mapping({"image": "images/{camera}"})).keys == ObservationKeys(image="images/{camera}")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"images": "a"}, r"keys: unknown key 'images' \(did you mean 'image'\?\)"),
        ({"cameras": {"rear": "a"}}, r"keys.cameras: unknown key 'rear'; valid: front, wrist"),
        ({"cameras": {"front": "a", "wrist": "a"}}, r"keys: a would be sent twice"),
        ({"image": "picture"}, r"keys: picture would be sent twice"),
        ({"prompt": "observation/state"}, r"keys: observation/state would be sent twice"),
        ({"state": "a", "state_parts": {"b": JOINTS}}, r"keys: give state, .* or state_parts; not both"),
        ({"state_parts": {}}, r"keys.state_parts: expected a mapping"),
        ({"state_parts": {"a": JOINTS}}, r"keys.state_parts: finger_joint1 of the state would not be sent"),
        ({"state_parts": {"a": ["joint9"]}}, r"keys.state_parts.a: unknown name of the state 'joint9'"),
        ({"state_parts": {"a": "joint1"}}, r"keys.state_parts.a: expected a list"),
    ],
)
def test_keys_that_mean_nothing_are_refused(keys: object, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        load_contract(mapping(keys))


def test_only_remote_policies_have_keys() -> None:
    with pytest.raises(ContractError, match="keys: only runtime remote has it; this contract's runtime is mock"):
        load_contract(make_contract_mapping(keys=DROID))
