from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import Bundle, write_bundle
from vla_core.errors import BundleError, ContractError, RemotePolicyError
from vla_core.policies import RecordingPolicy, make_mock_policy
from vla_core.testing import make_contract_example, make_contract_mapping, make_observation_example
from vla_policy import runtimes
from vla_policy.runtimes import RuntimeSettings, load_policy, register_runtime


@pytest.fixture(autouse=True)
def _same_loaders_afterwards() -> Iterator[None]:
    before = dict(runtimes._LOADERS)
    yield
    runtimes._LOADERS.clear()
    runtimes._LOADERS.update(before)


def bundle_of(path: Path, runtime: str, **more: object) -> Bundle:
    """A bundle with nothing but a contract for ``runtime``."""
    mapping = make_contract_mapping(runtime=runtime, **more)
    del mapping["mock"]
    return write_bundle(path, mapping)


def test_onnx(bundle: Bundle) -> None:
    policy = load_policy(bundle, RuntimeSettings(threads=1, device="cpu"))
    assert policy.contract is bundle.contract


def test_mock(mock_bundle: Callable[..., Bundle]) -> None:
    policy = load_policy(mock_bundle("constant", values=[0.01] * 8))
    np.testing.assert_array_equal(
        policy.infer(make_observation_example(policy.contract)).actions, np.full((8, 8), 0.01)
    )


def test_recorded(tmp_path: Path) -> None:
    recording = RecordingPolicy(make_mock_policy(make_contract_example()))
    chunk = recording.infer(make_observation_example(recording.contract))
    recording.recording().save(tmp_path / "chunks.npz")
    policy = load_policy(bundle_of(tmp_path, "recorded", recording="chunks.npz"))
    np.testing.assert_array_equal(policy.infer(make_observation_example(policy.contract)).actions, chunk.actions)


def test_remote_connects_when_loaded(tmp_path: Path) -> None:
    with pytest.raises(RemotePolicyError, match=r"unix:.*nobody\.sock"):
        load_policy(bundle_of(tmp_path, "remote", url=f"unix:{tmp_path}/nobody.sock"))


def test_a_runtime_without_code_is_refused_with_those_that_have_some(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"'torch' cannot be run .* onnx, mock, recorded, remote"):
        load_policy(bundle_of(tmp_path, "torch"))


def test_a_runtime_can_be_added(tmp_path: Path) -> None:
    register_runtime("torch", lambda bundle, settings: make_mock_policy(make_contract_example()))
    assert load_policy(bundle_of(tmp_path, "torch")).contract == make_contract_example()


def test_a_library_that_is_missing_is_named(tmp_path: Path) -> None:
    def needs_torch(bundle: Bundle, settings: RuntimeSettings) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    register_runtime("torch", needs_torch)  # type: ignore[arg-type]
    with pytest.raises(BundleError, match="needs the Python module 'torch'; install it in the environment that runs"):
        load_policy(bundle_of(tmp_path, "torch"))
