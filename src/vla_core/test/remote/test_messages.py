from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vla_core.errors import ActionError, ObservationError, RemotePolicyError
from vla_core.remote.codec import packb, unpackb
from vla_core.remote.messages import (
    ObservationKeys,
    decode_chunk,
    decode_metadata,
    decode_observation,
    encode_chunk,
    encode_error,
    encode_metadata,
    encode_observation,
)
from vla_core.testing import make_contract_example, make_contract_mapping, make_observation_example
from vla_core.types import ActionChunk, read_only

CONTRACT = make_contract_example()
CHUNK = ActionChunk(read_only(np.full((8, 8), 0.1)), speed_scale=0.5, done=0.25, timing_ms={"model": 3.0})
REPLY = encode_chunk(CHUNK)


def over_the_wire(message: dict[str, Any]) -> dict[str, Any]:
    return unpackb(packb(message))


def test_an_observation_arrives_as_it_was_sent() -> None:
    sent = make_observation_example(CONTRACT, stamp_ns=123, instruction="schiebe den grünen Würfel")
    message = over_the_wire(encode_observation(sent, CONTRACT, ObservationKeys(), sequence=7))
    got = decode_observation(message, CONTRACT, ObservationKeys())
    assert got.instruction == sent.instruction
    assert got.image_stamps_ns == sent.image_stamps_ns and got.state_stamp_ns == 123
    np.testing.assert_array_equal(got.state, sent.state)
    for camera in CONTRACT.camera_names:
        np.testing.assert_array_equal(got.images[camera], sent.images[camera])


def test_a_plain_openpi_server_gets_nothing_but_openpi() -> None:
    message = encode_observation(make_observation_example(CONTRACT), CONTRACT, ObservationKeys())
    assert set(message) == {
        "observation/images/front",
        "observation/images/wrist",
        "observation/state",
        "prompt",
    }


def test_keys_of_other_servers_can_be_mapped() -> None:
    keys = ObservationKeys(
        cameras={"front": "observation/exterior_image_1_left", "wrist": "observation/wrist_image_left"},
        state_parts={
            "observation/joint_position": tuple(f"joint{index}" for index in range(1, 8)),
            "observation/gripper_position": ("finger_joint1",),
        },
    )
    observation = make_observation_example(CONTRACT)
    message = encode_observation(observation, CONTRACT, keys)
    assert "observation/state" not in message
    np.testing.assert_array_equal(message["observation/joint_position"], observation.state[:7])
    np.testing.assert_array_equal(message["observation/gripper_position"], observation.state[7:])
    np.testing.assert_array_equal(message["observation/wrist_image_left"], observation.images["wrist"])


def test_a_state_part_must_name_the_contracts_state() -> None:
    keys = ObservationKeys(state_parts={"q": ("shoulder_pan",)})
    with pytest.raises(RemotePolicyError, match=r"shoulder_pan.*joint1"):
        encode_observation(make_observation_example(CONTRACT), CONTRACT, keys)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("observation/images/front", None),
        ("observation/images/wrist", "text"),
        ("observation/state", [0.0] * 8),
        ("observation/state", np.zeros(8, dtype=bool)),
        ("prompt", None),
        ("prompt", b"pick"),
        ("vla", {"state_stamp_ns": 1.5}),
    ],
)
def test_a_bad_request_is_refused_with_the_key_named(key: str, value: object) -> None:
    message = encode_observation(make_observation_example(CONTRACT), CONTRACT, ObservationKeys())
    message |= {key: value}
    with pytest.raises(ObservationError, match=key):
        decode_observation(message, CONTRACT, ObservationKeys())


def test_a_chunk_arrives_as_it_was_sent() -> None:
    got = decode_chunk(over_the_wire(REPLY), CONTRACT)
    np.testing.assert_array_equal(got.actions, CHUNK.actions)
    assert (got.speed_scale, got.done, got.timing_ms) == (0.5, 0.25, {"model": 3.0})


def test_the_reply_of_a_plain_openpi_server_is_a_chunk() -> None:
    contract = make_contract_example(done=None)
    got = decode_chunk({"actions": np.zeros((8, 8), np.float32), "policy_timing": {}, "state": np.zeros(8)}, contract)
    assert got.speed_scale == 1.0 and got.done is None


@pytest.mark.parametrize(
    "changes",
    [
        {"actions": None},
        {"actions": [[0.0] * 8] * 8},
        {"actions": np.zeros((8, 7))},
        {"actions": np.zeros((9, 8))},
        {"actions": np.full((8, 8), np.nan)},
        {"actions": np.full((8, 8), np.inf)},
        {"actions": np.zeros((8, 8), dtype=bool)},
        {"speed_scale": 0.0},
        {"speed_scale": 1.1},
        {"speed_scale": "slow"},
        {"speed_scale": float("nan")},
        {"done": -0.1},
        {"done": float("nan")},
        {"done": None},
    ],
)
def test_a_reply_that_is_no_chunk_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ActionError):
        decode_chunk(REPLY | changes, CONTRACT)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(ObservationError("no"), ObservationError), (ActionError("no"), ActionError), (KeyError("no"), RemotePolicyError)],
)
def test_a_refusal_keeps_its_meaning(raised: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected, match="no"):
        decode_chunk(over_the_wire(encode_error(raised, 1)), CONTRACT)


def test_metadata_carries_the_contract() -> None:
    metadata = decode_metadata(over_the_wire(encode_metadata(CONTRACT, runtime="mock")))
    assert metadata.extended and metadata.contract == CONTRACT


@pytest.mark.parametrize("raw", [{}, {"action_dim": 8}, {"vla": "text"}])
def test_metadata_of_a_plain_openpi_server(raw: dict[str, object]) -> None:
    metadata = decode_metadata(raw)
    assert not metadata.extended and metadata.contract is None and metadata.raw == raw


def test_another_protocol_version_is_refused() -> None:
    with pytest.raises(RemotePolicyError, match="protocol 2"):
        decode_metadata({"vla": {"protocol": 2}})


def test_a_broken_contract_is_refused_by_its_field() -> None:
    mapping = make_contract_mapping(max_skew_s=-1.0)
    with pytest.raises(RemotePolicyError, match="max_skew_s"):
        decode_metadata({"vla": {"protocol": 1, "contract": mapping}})


def test_a_server_cannot_make_us_read_a_file(tmp_path: Path) -> None:
    with pytest.raises(RemotePolicyError, match="expected a map"):
        decode_metadata({"vla": {"protocol": 1, "contract": str(tmp_path)}})
