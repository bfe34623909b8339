"""Whether an observation or a chunk is what the contract says. Checked on both sides of every policy."""

from __future__ import annotations

import numpy as np

from vla_core.contract.model import Contract
from vla_core.errors import ActionError, ObservationError
from vla_core.types import ActionChunk, Observation


def check_observation(observation: Observation, contract: Contract) -> None:
    """Refuse an observation that the policy was not made for.

    Raises:
        ObservationError: a camera is missing or unknown, an image has another size or type, the state has another
            length or a number that is not finite, or the instruction is empty.
    """
    got, wanted = set(observation.images), set(contract.camera_names)
    if got != wanted:
        raise ObservationError(
            f"observation has the cameras {_listed(got)}; the contract wants exactly {_listed(wanted)}"
        )
    if set(observation.image_stamps_ns) != got:
        raise ObservationError(f"stamps of {_listed(set(observation.image_stamps_ns))} for images of {_listed(got)}")
    for camera in contract.cameras:
        image = observation.images[camera.name]
        shape = (camera.height, camera.width, 3)
        # A policy that resizes by itself gets the camera's own size.
        fits = image.ndim == 3 and image.shape[2] == 3 if camera.resize == "policy" else image.shape == shape
        if not fits or image.dtype != np.uint8:
            raise ObservationError(
                f"camera {camera.name}: expected {shape} of uint8; got {image.shape} of {image.dtype}"
            )
    if observation.state.shape != (len(contract.state),):
        raise ObservationError(
            f"state has shape {observation.state.shape}; the contract wants ({len(contract.state)},) for "
            f"{', '.join(contract.state_names) or '(none)'}"
        )
    for name, value in zip(contract.state_names, observation.state, strict=True):
        if not np.isfinite(value):
            raise ObservationError(f"state {name} is {value}; it must be finite")
    if not observation.instruction.strip():
        raise ObservationError("the instruction is empty")


def check_chunk(chunk: ActionChunk, contract: Contract) -> None:
    """Refuse a chunk that is not what the policy promised.

    Raises:
        ActionError: wrong shape or type, a number that is not finite, a score outside its range, or the promised
            done signal is not there.
    """
    actions = chunk.actions
    shape = (contract.action.horizon, contract.action_size)
    if actions.shape != shape or not np.issubdtype(actions.dtype, np.floating):
        raise ActionError(
            f"policy {contract.policy_id} returned actions of {actions.shape} {actions.dtype}; the contract promises "
            f"{shape} for {', '.join(contract.action_names)}"
        )
    finite = np.isfinite(actions)
    if not finite.all():
        step, column = (int(index) for index in np.argwhere(~finite)[0])
        raise ActionError(
            f"policy {contract.policy_id} returned {actions[step, column]} for {contract.action_names[column]} "
            f"at step {step}; nothing of this chunk is used"
        )
    if not 0.0 < chunk.speed_scale <= 1.0:
        raise ActionError(f"policy {contract.policy_id} returned speed_scale {chunk.speed_scale}; valid: (0, 1]")
    if chunk.done is not None and not 0.0 <= chunk.done <= 1.0:
        raise ActionError(f"policy {contract.policy_id} returned done {chunk.done}; valid: [0, 1]")
    if chunk.done is None and contract.done is not None:
        raise ActionError(f"policy {contract.policy_id} returned no done score, but its contract promises one")


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "(none)"
