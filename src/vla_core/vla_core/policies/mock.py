"""Policies without a model: for demonstrations, benches, and tests of everything that stands around a policy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from vla_core.checks import check_observation
from vla_core.contract.model import Contract, MockSpec
from vla_core.errors import ContractError
from vla_core.policies.neutral import neutral_action
from vla_core.policy import Policy
from vla_core.types import ActionChunk, FloatArray, Observation, read_only


class MockPolicy:
    """Does what ``spec`` says, whatever it sees.

    hold: the action that moves nothing. constant: ``values`` in every row. sinusoid: ``values`` as amplitudes about
    the state of the first observation, by the observations' stamps. slow: holds, after ``delay_s``. hang: does not
    answer until ``release``. nan: holds with one NaN. wrong_shape: holds with a column too few.
    """

    def __init__(self, contract: Contract, spec: MockSpec, *, sleep: Callable[[float], object] = time.sleep) -> None:
        self._contract = contract
        self._spec = spec
        self._sleep = sleep
        self._released = threading.Event()
        self._values = np.zeros(contract.action_size) if spec.values is None else np.array(spec.values)
        if len(self._values) != contract.action_size:
            raise ValueError(f"{len(self._values)} values for {contract.action_size} columns")
        if spec.behaviour == "sinusoid" and contract.action.rotation in ("quaternion_xyzw", "rotation_6d"):
            raise ContractError("mock.behaviour: a sinusoid needs rotation_vector or euler_xyz; a sum is no rotation")
        self._start_ns: int | None = None
        self._start: FloatArray = np.zeros(contract.action_size)
        self._chunks = 0

    @property
    def contract(self) -> Contract:
        """What the numbers mean."""
        return self._contract

    def infer(self, observation: Observation) -> ActionChunk:
        """See the class.

        Raises:
            ObservationError: the observation does not satisfy the contract.
            ContractError: nothing is known of the joint to hold.
        """
        check_observation(observation, self._contract)
        if self._spec.delay_s > 0:
            self._sleep(self._spec.delay_s)
        if self._spec.behaviour == "hang":
            self._released.wait()
        self._chunks += 1
        return ActionChunk(actions=read_only(self._actions(observation)), done=self._done())

    def reset(self) -> None:
        """Start the sinusoid and the counting of chunks anew."""
        self._start_ns = None
        self._chunks = 0

    def release(self) -> None:
        """Let a hanging ``infer`` return, now and from now on."""
        self._released.set()

    def _done(self) -> float | None:
        if self._contract.done is None:
            return None
        after = self._spec.done_after_chunks
        return float(after is not None and self._chunks >= after)

    def _actions(self, observation: Observation) -> FloatArray:
        horizon = self._contract.action.horizon
        if self._spec.behaviour == "constant":
            return np.tile(self._values, (horizon, 1))
        if self._spec.behaviour == "sinusoid":
            return self._sinusoid(observation)
        rows = np.tile(neutral_action(self._contract, observation.state), (horizon, 1))
        if self._spec.behaviour == "nan":
            rows[-1, 0] = np.nan
        return rows[:, :-1] if self._spec.behaviour == "wrong_shape" else rows

    def _sinusoid(self, observation: Observation) -> FloatArray:
        action = self._contract.action
        if self._start_ns is None:
            self._start_ns = observation.t0_ns
            self._start = neutral_action(self._contract, observation.state)
        t0_s = (observation.t0_ns - self._start_ns) * 1e-9
        times_s = t0_s + action.period_s * np.arange(action.horizon)
        omega = 2 * np.pi * self._spec.frequency_hz
        wave = np.sin(omega * times_s)
        relative = wave - np.sin(omega * t0_s)
        if action.kind == "step_relative":
            relative = np.diff(relative, prepend=0.0)
        arm = relative if action.kind != "absolute" else wave
        rows: FloatArray = self._start + np.outer(arm, self._values)
        if action.gripper is not None:  # always absolute
            low, high = sorted((action.gripper.open, action.gripper.closed))
            rows[:, -1] = np.clip(self._start[-1] + wave * self._values[-1], low, high)
        return rows


def make_mock_policy(contract: Contract) -> Policy:
    """The policy of a contract with ``runtime: mock``.

    Raises:
        ContractError: the contract has another runtime.
    """
    if contract.mock is None:
        raise ContractError(f"runtime: {contract.policy_id} is {contract.runtime}, not mock")
    return MockPolicy(contract, contract.mock)
