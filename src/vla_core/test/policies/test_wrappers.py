"""Wrappers are policies; what was recorded plays again as it was."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import write_bundle
from vla_core.errors import ActionError, ContractError
from vla_core.policies import (
    CheckedPolicy,
    MockPolicy,
    RecordedPolicy,
    RecordingPolicy,
    load_recording,
    make_mock_policy,
    make_recorded_policy,
)
from vla_core.policy import Policy
from vla_core.testing import make_contract_example, make_contract_mapping, make_observation_example
from vla_core.testing.policy_conformance import PolicyConformance

CONTRACT = make_contract_example(mock={"behaviour": "sinusoid", "values": [0.1] * 8, "done_after_chunks": 3})


def recorded(count: int = 6) -> RecordingPolicy:
    policy = RecordingPolicy(make_mock_policy(CONTRACT))
    for step in range(count):
        policy.infer(make_observation_example(CONTRACT, stamp_ns=step * 100_000_000))
    return policy


class TestChecked(PolicyConformance):
    def make_object_under_test(self) -> Policy:
        return CheckedPolicy(make_mock_policy(CONTRACT))


class TestRecording(PolicyConformance):
    def make_object_under_test(self) -> Policy:
        return RecordingPolicy(make_mock_policy(CONTRACT))


class TestRecorded(PolicyConformance):
    def make_object_under_test(self) -> Policy:
        return RecordedPolicy(CONTRACT, recorded().recording())


def test_a_recording_plays_again_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "chunks.npz"
    original = recorded().recording()
    original.save(path)
    loaded = load_recording(path, CONTRACT)
    policy = RecordedPolicy(CONTRACT, loaded)
    observation = make_observation_example(CONTRACT)
    for index in range(6):
        chunk = policy.infer(observation)
        np.testing.assert_array_equal(chunk.actions, original.actions[index])
        assert chunk.done == float(index >= 2)
    np.testing.assert_array_equal(loaded.t0s_ns, np.arange(6) * 100_000_000)
    with pytest.raises(ActionError, match="has 6 chunks, and all are played"):
        policy.infer(observation)
    policy.reset()
    np.testing.assert_array_equal(policy.infer(observation).actions, original.actions[0])


def test_a_recorded_bundle_becomes_a_policy(tmp_path: Path) -> None:
    recorded().recording().save(tmp_path / "chunks.npz")
    mapping = make_contract_mapping(runtime="recorded", recording="chunks.npz", mock=None)
    bundle = write_bundle(tmp_path, mapping)
    assert make_recorded_policy(bundle).infer(make_observation_example(bundle.contract)).actions.shape == (8, 8)
    with pytest.raises(ContractError, match="is mock, not recorded"):
        make_recorded_policy(dataclasses.replace(bundle, contract=CONTRACT))


def test_a_policy_without_a_done_signal_records_none() -> None:
    contract = make_contract_example(done=None)
    policy = RecordingPolicy(make_mock_policy(contract))
    observation = make_observation_example(contract)
    policy.infer(observation)
    assert np.isnan(policy.recording().dones).all()
    assert RecordedPolicy(contract, policy.recording()).infer(observation).done is None


def test_nothing_recorded_is_no_recording() -> None:
    with pytest.raises(ActionError, match="nothing recorded yet"):
        recorded(0).recording()


def test_a_recording_of_another_policy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chunks.npz"
    recorded().recording().save(path)
    shorter = dataclasses.replace(CONTRACT, action=dataclasses.replace(CONTRACT.action, horizon=4))
    with pytest.raises(ActionError, match=r"actions is \(6, 8, 8\) of float64; .* wants \(6, 4, 8\)"):
        load_recording(path, shorter)


def test_a_recording_without_chunks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chunks.npz"
    empty = np.zeros(0)
    np.savez(
        path,
        actions=np.zeros((0, 8, 8)),
        speed_scales=empty,
        dones=empty,
        t0s_ns=empty.astype(np.int64),
        states=np.zeros((0, 8)),
    )
    with pytest.raises(ActionError, match="holds no chunk"):
        load_recording(path, CONTRACT)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 torn"])
def test_a_file_that_is_no_recording_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "chunks.npz"
    path.write_bytes(content)
    with pytest.raises(ActionError, match="is no recording"):
        load_recording(path, CONTRACT)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "chunks.npz"
    np.savez(path, actions=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ActionError, match="is no recording"):
        load_recording(path, CONTRACT)


def test_checked_refuses_what_the_policy_inside_lets_through() -> None:
    assert CONTRACT.mock is not None
    policy = CheckedPolicy(MockPolicy(CONTRACT, dataclasses.replace(CONTRACT.mock, behaviour="nan")))
    with pytest.raises(ActionError, match="nothing of this chunk is used"):
        policy.infer(make_observation_example(CONTRACT))
