"""Which code runs a bundle: by the contract's ``runtime``. Heavy libraries load only when it asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vla_core.contract import Bundle
from vla_core.errors import BundleError, ContractError
from vla_core.policy import Policy


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """How to run a policy on this machine.

    threads: threads of one inference. More than one pays only on idle cores: where the robot's other processes keep
        two cores busy, two threads wait for each other for up to seconds.
    device: cpu, cuda, or auto (cuda where the library offers it).
    token: access token for ``runtime: remote``.
    """

    threads: int = 1
    device: str = "auto"
    token: str | None = None


Loader = Callable[[Bundle, RuntimeSettings], Policy]


def load_policy(bundle: Bundle, settings: RuntimeSettings | None = None) -> Policy:
    """The policy in ``bundle``, ready to infer.

    Raises:
        ContractError: no code for this runtime in this version.
        BundleError: its files do not fit the contract, or a library that it needs is missing.
    """
    runtime = bundle.contract.runtime
    loader = _LOADERS.get(runtime)
    if loader is None:
        raise ContractError(f"runtime: '{runtime}' cannot be run by this version; it runs {', '.join(_LOADERS)}")
    try:
        return loader(bundle, settings or RuntimeSettings())
    except ModuleNotFoundError as error:
        raise BundleError(
            f"{bundle.path}: runtime '{runtime}' needs the Python module '{error.name}'; install it in the environment "
            "that runs the policy worker"
        ) from error


def register_runtime(name: str, loader: Loader) -> None:
    """Add a runtime, or replace one."""
    _LOADERS[name] = loader


def _onnx(bundle: Bundle, settings: RuntimeSettings) -> Policy:
    from vla_policy.onnx_policy import OnnxPolicy

    return OnnxPolicy(bundle, threads=settings.threads, device=settings.device)


def _mock(bundle: Bundle, settings: RuntimeSettings) -> Policy:
    from vla_core.policies import make_mock_policy

    return make_mock_policy(bundle.contract)


def _recorded(bundle: Bundle, settings: RuntimeSettings) -> Policy:
    from vla_core.policies import make_recorded_policy

    return make_recorded_policy(bundle)


def _remote(bundle: Bundle, settings: RuntimeSettings) -> Policy:
    from vla_core.remote import RemotePolicy

    url = bundle.contract.url
    if url is None:
        raise ValueError("a loaded contract of runtime remote has a url")
    policy = RemotePolicy(url, contract=bundle.contract, keys=bundle.contract.keys, token=settings.token)
    policy.connect()
    return policy


def _openvla(bundle: Bundle, settings: RuntimeSettings) -> Policy:
    from vla_policy.foreign.openvla.network.runner import Runner
    from vla_policy.foreign.openvla.policy import OpenVlaPolicy

    return OpenVlaPolicy(bundle, lambda *parts: Runner(*parts, device=settings.device, threads=settings.threads))


_LOADERS: dict[str, Loader] = {
    "onnx": _onnx,
    "mock": _mock,
    "recorded": _recorded,
    "remote": _remote,
    "openvla": _openvla,
}
