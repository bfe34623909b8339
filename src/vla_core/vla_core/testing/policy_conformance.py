"""What every policy must do. Inherit in a test class and say how to make yours."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from vla_core.checks import check_chunk
from vla_core.contract import Contract, contract_to_mapping, load_contract
from vla_core.errors import ObservationError, VlaError
from vla_core.policy import Policy
from vla_core.testing.examples import make_observation_example
from vla_core.types import ActionChunk, Observation


class PolicyConformance:
    """Tests of the contract between a policy and its caller.

    Override ``make_object_under_test``; where the policy needs a special observation, ``make_observation`` as well.
    """

    def make_object_under_test(self) -> Policy:
        """A fresh policy."""
        raise NotImplementedError

    def make_observation(self, contract: Contract, step: int) -> Observation:
        """An observation that the policy must accept; 0.1 s lie between two steps."""
        return make_observation_example(contract, stamp_ns=1_000_000_000 + step * 100_000_000, seed=step)

    def _infer(self, policy: Policy, step: int = 0) -> ActionChunk:
        return policy.infer(self.make_observation(policy.contract, step))

    def test_it_is_a_policy(self) -> None:
        assert isinstance(self.make_object_under_test(), Policy)

    def test_its_contract_is_valid_and_stays_the_same(self) -> None:
        policy = self.make_object_under_test()
        contract = policy.contract
        assert load_contract(contract_to_mapping(contract)) == contract
        self._infer(policy)
        policy.reset()
        assert policy.contract == contract

    def test_its_chunks_are_what_the_contract_says(self) -> None:
        policy = self.make_object_under_test()
        for step in range(3):
            chunk = self._infer(policy, step)
            check_chunk(chunk, policy.contract)
            assert chunk.actions.dtype == np.float64
            assert all(np.isfinite(value) and value >= 0 for value in chunk.timing_ms.values())

    def test_it_leaves_the_observation_as_it_was(self) -> None:
        policy = self.make_object_under_test()
        observation = self.make_observation(policy.contract, 0)
        before = {name: image.copy() for name, image in observation.images.items()}
        state = observation.state.copy()
        policy.infer(observation)
        np.testing.assert_array_equal(observation.state, state)
        for name, image in before.items():
            np.testing.assert_array_equal(observation.images[name], image)

    def test_a_chunk_that_was_given_does_not_change_later(self) -> None:
        policy = self.make_object_under_test()
        chunk = self._infer(policy, 0)
        before = chunk.actions.copy()
        self._infer(policy, 1)
        np.testing.assert_array_equal(chunk.actions, before)

    def test_a_reset_starts_the_episode_anew(self) -> None:
        policy = self.make_object_under_test()
        policy.reset()
        first = [self._infer(policy, step) for step in range(2)]
        policy.reset()
        again = [self._infer(policy, step) for step in range(2)]
        for one, other in zip(first, again, strict=True):
            np.testing.assert_allclose(other.actions, one.actions, atol=1e-6)
            assert other.done == (one.done if one.done is None else pytest.approx(one.done, abs=1e-6))

    def test_reset_may_come_at_any_time(self) -> None:
        policy = self.make_object_under_test()
        policy.reset()
        policy.reset()
        check_chunk(self._infer(policy), policy.contract)

    def test_a_missing_camera_is_refused(self) -> None:
        policy = self.make_object_under_test()
        observation = self.make_observation(policy.contract, 0)
        if not observation.images:
            pytest.skip("the policy has no camera")
        name = policy.contract.camera_names[0]
        images = {key: image for key, image in observation.images.items() if key != name}
        stamps = {key: stamp for key, stamp in observation.image_stamps_ns.items() if key != name}
        self._refused(policy, dataclasses.replace(observation, images=images, image_stamps_ns=stamps))

    def test_an_image_of_another_type_is_refused(self) -> None:
        policy = self.make_object_under_test()
        observation = self.make_observation(policy.contract, 0)
        if not observation.images:
            pytest.skip("the policy has no camera")
        name = policy.contract.camera_names[0]
        images: dict[str, Any] = dict(observation.images)
        images[name] = images[name].astype(np.float32) / 255
        self._refused(policy, dataclasses.replace(observation, images=images))

    def test_a_state_that_is_not_finite_is_refused(self) -> None:
        policy = self.make_object_under_test()
        observation = self.make_observation(policy.contract, 0)
        if not len(observation.state):
            pytest.skip("the policy has no state")
        state = observation.state.copy()
        state[-1] = np.nan
        self._refused(policy, dataclasses.replace(observation, state=state))

    def test_a_state_of_another_length_is_refused(self) -> None:
        policy = self.make_object_under_test()
        observation = self.make_observation(policy.contract, 0)
        self._refused(policy, dataclasses.replace(observation, state=np.append(observation.state, 0.0)))

    def _refused(self, policy: Policy, observation: Observation) -> None:
        """Refused with an error for users, and the policy still serves a good observation afterwards."""
        with pytest.raises(VlaError) as caught:
            policy.infer(observation)
        assert isinstance(caught.value, ObservationError) or "observation" in str(caught.value).lower(), caught.value
        policy.reset()
        check_chunk(self._infer(policy), policy.contract)
