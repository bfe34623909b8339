"""Policies around a policy: the same two methods, one more concern."""

from __future__ import annotations

import math

import numpy as np

from vla_core.checks import check_chunk, check_observation
from vla_core.contract.model import Contract
from vla_core.errors import ActionError
from vla_core.policies.recording import Recording
from vla_core.policy import Policy
from vla_core.types import ActionChunk, Observation, read_only


class CheckedPolicy:
    """Refuses observations and chunks that do not satisfy the contract."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @property
    def contract(self) -> Contract:
        """That of the policy inside."""
        return self._policy.contract

    def infer(self, observation: Observation) -> ActionChunk:
        """The chunk of the policy inside, checked.

        Raises:
            ObservationError: the observation does not satisfy the contract.
            ActionError: the chunk does not.
        """
        check_observation(observation, self.contract)
        chunk = self._policy.infer(observation)
        check_chunk(chunk, self.contract)
        return chunk

    def reset(self) -> None:
        """Reset the policy inside."""
        self._policy.reset()


class RecordingPolicy:
    """Keeps every chunk that the policy inside gives; ``recording().save(path)`` writes them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._kept: list[tuple[Observation, ActionChunk]] = []

    @property
    def contract(self) -> Contract:
        """That of the policy inside."""
        return self._policy.contract

    def infer(self, observation: Observation) -> ActionChunk:
        """The chunk of the policy inside."""
        chunk = self._policy.infer(observation)
        # Images are not kept: an hour of them would fill the memory.
        bare = Observation({}, {}, observation.state, observation.t0_ns, observation.instruction)
        self._kept.append((bare, chunk))
        return chunk

    def reset(self) -> None:
        """Reset the policy inside; what is recorded stays."""
        self._policy.reset()

    def recording(self) -> Recording:
        """All chunks so far.

        Raises:
            ActionError: there is none.
        """
        if not self._kept:
            raise ActionError("nothing recorded yet: the policy has not been asked for a chunk")
        return Recording(
            actions=read_only([chunk.actions for _, chunk in self._kept]),
            speed_scales=read_only([chunk.speed_scale for _, chunk in self._kept]),
            dones=read_only([math.nan if chunk.done is None else chunk.done for _, chunk in self._kept]),
            t0s_ns=np.array([observation.t0_ns for observation, _ in self._kept], dtype=np.int64),
            states=read_only([observation.state for observation, _ in self._kept]),
        )


class RecordedPolicy:
    """Gives the chunks of a recording again, one for each call, in order, whatever it sees."""

    def __init__(self, contract: Contract, recording: Recording) -> None:
        self._contract = contract
        self._recording = recording
        self._next = 0

    @property
    def contract(self) -> Contract:
        """What the numbers mean."""
        return self._contract

    def infer(self, observation: Observation) -> ActionChunk:
        """The next chunk.

        Raises:
            ObservationError: the observation does not satisfy the contract.
            ActionError: the recording has come to its end.
        """
        check_observation(observation, self._contract)
        index = self._next
        if index >= len(self._recording):
            raise ActionError(f"the recording has {len(self._recording)} chunks, and all are played; reset to replay")
        self._next += 1
        done = float(self._recording.dones[index])
        return ActionChunk(
            actions=read_only(self._recording.actions[index]),
            speed_scale=float(self._recording.speed_scales[index]),
            done=None if math.isnan(done) else done,
        )

    def reset(self) -> None:
        """Start again with the first chunk."""
        self._next = 0
