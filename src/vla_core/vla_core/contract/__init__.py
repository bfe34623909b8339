"""What a policy's numbers mean, and the bundle that carries them. See ``model`` for every field."""

from vla_core.contract.bundle import Bundle, hash_files, load_bundle, write_bundle
from vla_core.contract.load import CONTRACT_FILE, contract_to_mapping, load_contract
from vla_core.contract.model import (
    ActionSpec,
    CameraSpec,
    Contract,
    Dimension,
    DoneSpec,
    GripperSpec,
    LanguageSpec,
    MockSpec,
    NormalizationPair,
    NormalizationSpec,
    ObservationKeys,
    StateRange,
    TokenizerSpec,
    UncertaintySpec,
)

__all__ = [
    "CONTRACT_FILE",
    "ActionSpec",
    "Bundle",
    "CameraSpec",
    "Contract",
    "Dimension",
    "DoneSpec",
    "GripperSpec",
    "LanguageSpec",
    "MockSpec",
    "NormalizationPair",
    "NormalizationSpec",
    "ObservationKeys",
    "StateRange",
    "TokenizerSpec",
    "UncertaintySpec",
    "contract_to_mapping",
    "hash_files",
    "load_bundle",
    "load_contract",
    "write_bundle",
]
