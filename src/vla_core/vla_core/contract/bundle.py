"""A policy bundle: a folder with ``policy.yaml`` and the files whose sha256 it lists, and nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from vla_core.contract.load import CONTRACT_FILE, contract_to_mapping, load_contract
from vla_core.contract.model import Contract
from vla_core.errors import BundleError


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle. ``path``: its folder, absolute."""

    path: Path
    contract: Contract

    def file(self, name: str) -> Path:
        """Absolute path of a listed file.

        Raises:
            BundleError: the contract lists no such file.
        """
        listed = dict(self.contract.files)
        if name not in listed:
            raise BundleError(f"{self.path}: no file '{name}' in the bundle; it lists {', '.join(listed) or '(none)'}")
        return self.path / name


def load_bundle(folder: str | os.PathLike[str]) -> Bundle:
    """The bundle in ``folder``, every file verified against the contract.

    Raises:
        BundleError: not a bundle, or a file is missing, unlisted or differs from its sha256.
        ContractError: ``policy.yaml`` breaks a rule.
    """
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        raise BundleError(f"{path}: no such folder; a policy bundle is a folder with {CONTRACT_FILE}")
    if not (path / CONTRACT_FILE).is_file():
        raise BundleError(f"{path}: has no {CONTRACT_FILE}, so it is not a policy bundle")
    contract = load_contract(path / CONTRACT_FILE)
    _verify(path, dict(contract.files))
    return Bundle(path, contract)


def hash_files(folder: str | os.PathLike[str]) -> dict[str, str]:
    """POSIX path inside ``folder`` -> sha256, of every file but ``policy.yaml``, sorted."""
    path = Path(folder)
    return {name: _sha256(path / name) for name in _names(path)}


def write_bundle(folder: str | os.PathLike[str], contract: Contract | Mapping[str, object]) -> Bundle:
    """Write ``policy.yaml`` for the files that already lie in ``folder``; ``files`` is filled in here.

    Raises:
        ContractError: the contract breaks a rule; nothing is written.
    """
    path = Path(folder).expanduser().resolve()
    mapping = contract_to_mapping(contract) if isinstance(contract, Contract) else dict(contract)
    mapping["files"] = hash_files(path)
    checked = load_contract(mapping)
    text = yaml.safe_dump(contract_to_mapping(checked), sort_keys=False, default_flow_style=None, width=120)
    draft = path.parent / f".{path.name}.{CONTRACT_FILE}.draft"  # beside the folder: a crash leaves nothing unlisted
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path / CONTRACT_FILE)
    return load_bundle(path)


def _verify(path: Path, listed: Mapping[str, str]) -> None:
    present = set(_names(path))
    missing = sorted(set(listed) - present)
    if missing:
        raise BundleError(f"{path}: missing {', '.join(missing)}; copy the bundle again, complete")
    unlisted = sorted(present - set(listed))
    if unlisted:
        raise BundleError(
            f"{path}: {', '.join(unlisted)} not listed in {CONTRACT_FILE}; remove it, or export the bundle again"
        )
    for name, expected in listed.items():
        actual = _sha256(path / name)
        if actual != expected:
            raise BundleError(
                f"{path}: {name} is corrupted or changed: sha256 {actual}, {CONTRACT_FILE} says {expected}; "
                "copy or export the bundle again"
            )


def _names(path: Path) -> list[str]:
    # Links are followed: a symlinked installation is as good as a copy, since the content is what is hashed.
    found = [
        (Path(root) / name).relative_to(path).as_posix()
        for root, _, names in os.walk(path, followlinks=True)
        for name in names
    ]
    return sorted(name for name in found if name != CONTRACT_FILE)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error}") from None
