"""A bundle is what its contract lists, byte for byte, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from vla_core.contract import Bundle, hash_files, load_bundle, write_bundle
from vla_core.errors import BundleError, ContractError
from vla_core.testing import make_contract_example, make_contract_mapping


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A written bundle with two files."""
    folder = tmp_path / "bundle"
    (folder / "language").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"weights" * 1000)
    (folder / "language" / "model.onnx").write_bytes(b"words")
    return write_bundle(folder, make_contract_mapping())


def test_a_written_bundle_lists_every_file(bundle: Bundle) -> None:
    assert [name for name, _ in bundle.contract.files] == ["language/model.onnx", "model.onnx"]
    assert dict(bundle.contract.files) == hash_files(bundle.path)
    assert bundle.file("language/model.onnx").read_bytes() == b"words"
    assert load_bundle(bundle.path) == bundle


def test_writing_again_takes_up_new_files(bundle: Bundle) -> None:
    (bundle.path / "extra.json").write_text("{}")
    again = write_bundle(bundle.path, make_contract_example())
    assert "extra.json" in dict(again.contract.files)
    assert sorted(path.name for path in bundle.path.parent.iterdir()) == ["bundle"]


def test_a_wrong_contract_is_not_written(bundle: Bundle) -> None:
    before = (bundle.path / "policy.yaml").read_bytes()
    with pytest.raises(ContractError, match="runtime"):
        write_bundle(bundle.path, make_contract_mapping(runtime="magic"))
    assert (bundle.path / "policy.yaml").read_bytes() == before


def test_one_flipped_bit_is_found(bundle: Bundle) -> None:
    file = bundle.path / "model.onnx"
    data = bytearray(file.read_bytes())
    data[3000] ^= 1
    file.write_bytes(data)
    with pytest.raises(BundleError, match=r"model.onnx is corrupted or changed: sha256"):
        load_bundle(bundle.path)


def test_a_missing_file_is_named(bundle: Bundle) -> None:
    (bundle.path / "language" / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"missing language/model.onnx"):
        load_bundle(bundle.path)


def test_an_unlisted_file_is_named(bundle: Bundle) -> None:
    (bundle.path / "language" / "hook.py").write_text("print()")
    with pytest.raises(BundleError, match=r"language/hook.py not listed in policy.yaml"):
        load_bundle(bundle.path)


def test_a_linked_installation_is_as_good_as_a_copy(bundle: Bundle, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    for item in bundle.path.iterdir():
        (linked / item.name).symlink_to(item)
    assert load_bundle(linked).contract == bundle.contract


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no policy.yaml"):
        load_bundle(tmp_path)
    with pytest.raises(BundleError, match=r"no such folder"):
        load_bundle(tmp_path / "nowhere")


def test_an_unlisted_name_cannot_be_asked_for(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=r"no file '../secret' in the bundle; it lists language/model.onnx"):
        bundle.file("../secret")
