"""The dictionaries of openpi's websocket protocol, and what a policy server of this suite adds under ``vla``.

Server: metadata once, then one reply per request. A request is an observation or the control ``{"__reset__": true}``.
The additions are sent only to a peer that announced them itself, so plain openpi servers and clients see plain openpi.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vla_core.checks import check_chunk
from vla_core.contract import Contract, ObservationKeys, contract_to_mapping, load_contract
from vla_core.errors import ActionError, ContractError, ObservationError, RemotePolicyError
from vla_core.types import ActionChunk, Observation, read_only

PROTOCOL = 1
EXTRAS = "vla"
RESET = "__reset__"


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """What a server said of itself. ``extended``: it speaks this suite's additions. ``raw``: all it sent."""

    extended: bool
    contract: Contract | None
    raw: Mapping[str, Any]


def encode_metadata(contract: Contract, **more: object) -> dict[str, Any]:
    """What a server of this suite sends on connection."""
    extras = {"protocol": PROTOCOL, "policy_id": contract.policy_id, "contract": contract_to_mapping(contract)}
    return {EXTRAS: extras | more}


def decode_metadata(message: Mapping[str, Any]) -> ServerMetadata:
    """Metadata of any openpi server.

    Raises:
        RemotePolicyError: a server of this suite, of another protocol version or with a broken contract.
    """
    extras = message.get(EXTRAS)
    if not isinstance(extras, Mapping):
        return ServerMetadata(False, None, message)
    if extras.get("protocol") != PROTOCOL:
        raise RemotePolicyError(
            f"policy server speaks protocol {extras.get('protocol')!r}, this side {PROTOCOL}; update the older one"
        )
    mapping = extras.get("contract")
    if not isinstance(mapping, Mapping):  # text would be taken for a path on this machine
        raise RemotePolicyError(f"policy server sent a {type(mapping).__name__} as contract; expected a map")
    try:
        contract = load_contract(mapping)
    except ContractError as error:
        raise RemotePolicyError(f"policy server sent an invalid contract: {error}") from error
    return ServerMetadata(True, contract, message)


def encode_observation(
    observation: Observation, contract: Contract, keys: ObservationKeys, sequence: int | None = None
) -> dict[str, Any]:
    """One request. ``sequence`` (to servers of this suite) is echoed in the reply that belongs to it."""
    message: dict[str, Any] = {keys.of_camera(name): image for name, image in observation.images.items()}
    if keys.state_parts:
        index = {name: position for position, name in enumerate(contract.state_names)}
        for key, names in keys.state_parts.items():
            message[key] = observation.state[[_index(index, name, key) for name in names]]
    elif contract.state:
        message[keys.state] = observation.state
    message[keys.prompt] = observation.instruction
    if sequence is not None:
        message[EXTRAS] = {
            "sequence": sequence,
            "image_stamps_ns": dict(observation.image_stamps_ns),
            "state_stamp_ns": observation.state_stamp_ns,
        }
    return message


def decode_observation(message: Mapping[str, Any], contract: Contract, keys: ObservationKeys) -> Observation:
    """The observation in a request. Sizes and ranges are the policy's to check, presence and types are checked here.

    Raises:
        ObservationError: a key is missing or of another type; names it and what there is.
    """
    images = {camera: _array(message, keys.of_camera(camera)) for camera in contract.camera_names}
    state = _array(message, keys.state) if contract.state else np.zeros(0)
    if state.dtype.kind not in "iuf":
        raise ObservationError(f"{keys.state}: dtype {state.dtype}; expected numbers")
    prompt = message.get(keys.prompt)
    if not isinstance(prompt, str):
        raise ObservationError(f"{keys.prompt}: expected the instruction as text; got {type(prompt).__name__}")
    extras = extras_of(message)
    stamps = extras.get("image_stamps_ns", {})
    return Observation(
        images=images,
        image_stamps_ns={camera: _stamp(stamps, camera) for camera in images},
        state=read_only(state),
        state_stamp_ns=_stamp(extras, "state_stamp_ns"),
        instruction=prompt,
    )


def encode_chunk(chunk: ActionChunk, sequence: int | None = None) -> dict[str, Any]:
    """One reply. ``sequence``: that of the request, None to a plain openpi client."""
    message: dict[str, Any] = {
        "actions": np.asarray(chunk.actions),
        "server_timing": {stage: float(ms) for stage, ms in chunk.timing_ms.items()},
        "speed_scale": float(chunk.speed_scale),
    }
    if chunk.done is not None:
        message["done"] = float(chunk.done)
    if sequence is not None:
        message[EXTRAS] = {"sequence": sequence}
    return message


def encode_error(error: Exception, sequence: int) -> dict[str, Any]:
    """The reply, to a client of this suite, that its request was bad; the connection lives on."""
    return {"error": {"type": type(error).__name__, "message": str(error)}, EXTRAS: {"sequence": sequence}}


def decode_chunk(message: Mapping[str, Any], contract: Contract) -> ActionChunk:
    """The chunk in a reply.

    Raises:
        ActionError: no actions, or not what the contract promises.
        ObservationError: the server refused the observation.
        RemotePolicyError: any other error that the server replied with.
    """
    _raise_error(message.get("error"))
    actions = message.get("actions")
    if not isinstance(actions, np.ndarray) or actions.dtype.kind not in "iuf":
        raise ActionError(f"reply has no array 'actions'; it has {_list(message)}")
    timing = message.get("server_timing", {})
    timing = timing if isinstance(timing, Mapping) else {}
    chunk = ActionChunk(
        actions=read_only(actions),
        speed_scale=_number(message.get("speed_scale", 1.0), "speed_scale"),
        done=None if message.get("done") is None else _number(message["done"], "done"),
        timing_ms={str(stage): float(ms) for stage, ms in timing.items() if isinstance(ms, numbers.Real)},
    )
    check_chunk(chunk, contract)
    return chunk


def extras_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The additions in a message; empty for a plain openpi peer."""
    extras = message.get(EXTRAS)
    return extras if isinstance(extras, Mapping) else {}


def _raise_error(error: object) -> None:
    if not isinstance(error, Mapping):
        return
    kinds = {"ActionError": ActionError, "ObservationError": ObservationError}
    raise kinds.get(str(error.get("type")), RemotePolicyError)(str(error.get("message")))


def _array(message: Mapping[str, Any], key: str) -> Any:
    value = message.get(key)
    if not isinstance(value, np.ndarray):
        found = f"got {type(value).__name__}" if key in message else f"missing; the message has {_list(message)}"
        raise ObservationError(f"{key}: expected an array; {found}")
    return value


def _number(value: object, name: str) -> float:
    if not isinstance(value, numbers.Real):
        raise ActionError(f"{name}: {value!r} is not a number")
    return float(value)


def _stamp(stamps: object, key: str) -> int:
    value = stamps.get(key, 0) if isinstance(stamps, Mapping) else 0
    if not isinstance(value, int) or isinstance(value, bool):
        raise ObservationError(f"{EXTRAS}: stamp of {key} is {value!r}; expected nanoseconds as an integer")
    return value


def _index(index: Mapping[str, int], name: str, key: str) -> int:
    if name not in index:
        raise RemotePolicyError(f"state part '{key}' names '{name}'; the contract's state has {', '.join(index)}")
    return index[name]


def _list(message: Mapping[str, Any]) -> str:
    return ", ".join(map(str, message)) or "(nothing)"
