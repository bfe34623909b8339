from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vla_core.contract import Bundle, load_bundle
from vla_core.errors import BundleError, ContractError
from vla_policy.cli import app
from vla_policy.foreign.embodiment import TABLETOP, load_embodiment
from vla_policy.foreign.openvla.importing import ImportRequest, import_checkpoint

pytestmark = pytest.mark.train
Checkpoint = Callable[[str], Path]
RequestFor = Callable[..., ImportRequest]


def test_the_contract_is_generated_from_the_statistics(imported: Callable[..., Bundle]) -> None:
    contract = imported().contract
    assert contract.runtime == "openvla" and contract.action.horizon == 1
    assert contract.action_names == ("x", "y", "z", "roll", "pitch", "yaw", "finger_joint1")
    assert (contract.action.space, contract.action.frame, contract.action.tip) == (
        "ee_pose_delta",
        "base_link",
        "tool0",
    )
    assert contract.normalization.action.mask == (True,) * 6 + (False,)
    assert contract.camera_names == ("front",) and contract.cameras[0].resize == "policy"
    assert contract.tokenizer is not None and contract.tokenizer.convention == "bin_centers"


def test_oft_has_a_chunk_and_several_cameras(imported: Callable[..., Bundle]) -> None:
    contract = imported("film", horizon=8, images=2).contract
    assert contract.action.horizon == 8 and contract.camera_names == ("front", "wrist") and contract.tokenizer is None


def test_a_refused_import_leaves_nothing(checkpoint: Checkpoint, request_for: RequestFor, tmp_path: Path) -> None:
    robot = load_embodiment(TABLETOP)
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("plain", {"unnorm_key": None}, "bridge_orig, tabletop"),
        ("plain", {"unnorm_key": "libero"}, "valid: bridge_orig, tabletop"),
        ("plain", {"normalization": "q95"}, "valid: q99, min_max"),
        ("head", {}, "say --horizon and --images"),
        ("head", {"horizon": 8}, "say --images"),
        ("head", {"horizon": 8, "images": 3}, r"wants 3 images, the embodiment has 2 \(front, wrist\)"),
        (
            "proprio",
            {"horizon": 8, "images": 1, "embodiment": dataclasses.replace(robot, proprio=("joint1",))},
            r"takes 8 numbers, the embodiment names 1 \(joint1\)",
        ),
        ("plain", {"embodiment": without_gripper(robot)}, "'tabletop' has 7 columns, the embodiment 6"),
    ]
    for kind, changes, message in cases:
        with pytest.raises((ContractError, BundleError), match=message):
            import_checkpoint(request_for(checkpoint(kind), **changes), tmp_path / "out")
        assert not (tmp_path / "out").exists()


def without_gripper(robot: Any) -> Any:
    action = {key: value for key, value in robot.contract["action"].items() if key != "gripper"}
    return dataclasses.replace(robot, contract=dict(robot.contract) | {"action": action}, gripper=None)


def test_what_lies_at_the_target_is_kept(checkpoint: Checkpoint, request_for: RequestFor, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(BundleError, match="exists already"):
        import_checkpoint(request_for(checkpoint("plain")), tmp_path)
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("config.json", {"model_type": "llava"}, "expected 'openvla'"),
        ("config.json", {"vision_towers": [{"patch": 14}]}, "vision_towers"),
        ("config.json", {"image_sizes": [224, 224]}, "image_sizes are"),
        ("config.json", {"n_action_bins": None}, "n_action_bins must be a int"),
        ("preprocessor_config.json", {"image_resize_strategy": "stretch"}, "resize-naive, resize-crop, letterbox"),
        ("preprocessor_config.json", {"interpolations": ["bilinear", "bicubic"]}, "only 'bicubic'"),
        ("preprocessor_config.json", {"stds": [[0, 1, 1], [1, 1, 1]]}, "std"),
        ("tokenizer_config.json", {"add_bos_token": False}, "add_bos_token must be true"),
        ("tokenizer.json", {"model": None}, "cannot be read as a tokenizer"),
    ],
)
def test_another_kind_of_checkpoint_is_refused(
    checkpoint: Checkpoint, request_for: RequestFor, tmp_path: Path, file: str, change: dict[str, Any], message: str
) -> None:
    folder = Path(shutil.copytree(checkpoint("plain"), tmp_path / "checkpoint"))
    document = json.loads((folder / file).read_text()) | change
    (folder / file).write_text(json.dumps(document))
    with pytest.raises(BundleError, match=message):
        import_checkpoint(request_for(folder), tmp_path / "out")


def test_unknown_towers_are_refused_with_the_known_ones(
    checkpoint: Checkpoint, request_for: RequestFor, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint("plain"), tmp_path / "checkpoint"))
    document = json.loads((folder / "config.json").read_text())
    del document["vision_towers"]
    document["timm_model_ids"][1] = "vit_large_patch14_clip_336.openai"
    (folder / "config.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match=r"clip_336.*known.*vit_so400m_patch14_siglip_224"):
        import_checkpoint(request_for(folder), tmp_path / "out")


def test_by_the_command(checkpoint: Checkpoint, tmp_path: Path) -> None:
    runner, out = CliRunner(), tmp_path / "out"
    command = ["import", "openvla", str(checkpoint("plain")), str(out)]
    refused = runner.invoke(app, command)
    assert refused.exit_code == 1 and "bridge_orig, tabletop" in refused.output
    done = runner.invoke(app, [*command, "--unnorm-key", "bridge_orig"])
    assert done.exit_code == 0, done.output
    assert "x, y, z, roll, pitch, yaw, finger_joint1" in done.output.replace("\n", "")
    assert load_bundle(out).contract.runtime == "openvla"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("gripper_values: {open: 1.0, closed: 1.0}", "they must differ"),
        ("wheels: 4", "unknown key 'wheels'"),
        ("cameras: [{name: front}]", r"cameras\[0\]\.aspect: missing"),
    ],
)
def test_a_broken_embodiment_is_refused(tmp_path: Path, change: str, message: str) -> None:
    key = change.partition(":")[0]
    blocks = TABLETOP.read_text().split("\n")
    kept, skipping = [], False
    for line in blocks:
        skipping = line.startswith(f"{key}:") or (skipping and line.startswith((" ", "-")))
        kept += [] if skipping else [line]
    path = tmp_path / "robot.yaml"
    path.write_text("\n".join([*kept, change, ""]))
    with pytest.raises(ContractError, match=message) as caught:
        load_embodiment(path)
    assert str(path) in str(caught.value)
