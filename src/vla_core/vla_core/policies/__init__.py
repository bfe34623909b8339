"""Policies that need no model, and wrappers around any policy."""

from vla_core.contract.bundle import Bundle
from vla_core.errors import ContractError
from vla_core.policies.mock import MockPolicy, make_mock_policy
from vla_core.policies.neutral import neutral_action
from vla_core.policies.recording import Recording, load_recording
from vla_core.policies.wrappers import CheckedPolicy, RecordedPolicy, RecordingPolicy
from vla_core.policy import Policy


def make_recorded_policy(bundle: Bundle) -> Policy:
    """The policy of a bundle with ``runtime: recorded``.

    Raises:
        ContractError: the contract has another runtime.
        ActionError: its file is no recording of this contract.
    """
    contract = bundle.contract
    if contract.recording is None:
        raise ContractError(f"runtime: {contract.policy_id} is {contract.runtime}, not recorded")
    return RecordedPolicy(contract, load_recording(bundle.file(contract.recording), contract))


__all__ = [
    "CheckedPolicy",
    "MockPolicy",
    "RecordedPolicy",
    "Recording",
    "RecordingPolicy",
    "load_recording",
    "make_mock_policy",
    "make_recorded_policy",
    "neutral_action",
]
