"""Held against numbers of the reference implementations; docs/foreign.md says how those were made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="OpenVLA runs in PyTorch")
pytest.importorskip("PIL", reason="OpenVLA resizes with Pillow")

from vla_core.contract import Bundle  # noqa: E402
from vla_core.types import Observation, read_only  # noqa: E402
from vla_policy.foreign.openvla import tiny  # noqa: E402
from vla_policy.foreign.openvla.config import load_config  # noqa: E402
from vla_policy.foreign.openvla.network.convert import convert_part  # noqa: E402
from vla_policy.foreign.openvla.network.images import cropped, pixel_values  # noqa: E402
from vla_policy.foreign.openvla.network.model import OftSpec  # noqa: E402
from vla_policy.foreign.openvla.network.weights import PARTS, load_model  # noqa: E402
from vla_policy.foreign.openvla.prompt import PromptTokenizer  # noqa: E402
from vla_policy.foreign.openvla.statistics import load_statistics, normalize_proprio  # noqa: E402
from vla_policy.runtimes import RuntimeSettings, load_policy  # noqa: E402

pytestmark = pytest.mark.train
REFERENCE = Path(__file__).parent / "reference"
OPENVLA = np.load(REFERENCE / "openvla.npz")
OFT = np.load(REFERENCE / "oft.npz")
CROP = np.load(REFERENCE / "crop.npz")
SIZES = ((56, 56), (48, 64), (97, 61), (120, 160), (57, 56))
CASES = (  # seed of the image, its height and width, sentence, dataset
    (1, 56, 56, "pick up the red cube", "tabletop"),
    (2, 120, 160, "Put the Spoon on the towel!", "bridge_orig"),
    (3, 64, 48, "the hat, näh 42", "tabletop"),
)
KEPT = np.r_[0 : tiny.PADDED : 97, tiny.VOCABULARY - 256 : tiny.VOCABULARY]
"""Of each row of logits: every 97th, and those of the actions."""
SENTENCE = "pick up the red cube"
STATE = np.random.default_rng(7).uniform(-2, 2, tiny.PROPRIO)
Checkpoint = Callable[[str], Path]


def image(seed: int, height: int, width: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("strategy", ["resize-naive", "resize-crop", "letterbox"])
def test_pixels(checkpoint: Checkpoint, strategy: str) -> None:
    config = dataclasses.replace(load_config(checkpoint("plain")), resize=strategy)
    for number, (height, width) in enumerate(SIZES):
        values = pixel_values(image(10 + number, height, width), config)
        assert values.shape == (6, tiny.SIZE, tiny.SIZE)
        np.testing.assert_allclose(
            values[:, ::5, ::7], OPENVLA[f"pixels.{strategy}.{height}x{width}"], rtol=0, atol=1e-6
        )


@pytest.mark.parametrize(("number", "height", "width"), [(0, 224, 224), (1, 56, 56), (2, 120, 160), (3, 97, 61)])
def test_centre_crop(number: int, height: int, width: int) -> None:
    for size in (56, 224):
        expected = CROP[f"{height}x{width}.{size}"].astype(int)
        found = cropped(image(30 + number, height, width), size)[::5, ::7].astype(int)
        assert np.abs(found - expected).max() <= 1 and (found != expected).mean() < 1e-3


@pytest.mark.parametrize("number", range(len(CASES)))
def test_tokens_and_logits(checkpoint: Checkpoint, number: int) -> None:
    seed, height, width, sentence, _ = CASES[number]
    config = load_config(checkpoint("plain"))
    ids = PromptTokenizer(checkpoint("plain"), config.vocabulary).encode(sentence)
    assert ids == OPENVLA[f"case{number}.ids"].tolist()
    model = load_model(checkpoint("plain"), config, None, device="cpu", dtype=torch.float32)
    pixels = torch.from_numpy(pixel_values(image(seed, height, width), config))[None]
    tokens, logits = model.generate(ids, pixels, tiny.DIMENSIONS)
    assert tokens.tolist() == OPENVLA[f"case{number}.tokens"].tolist()
    np.testing.assert_allclose(logits.numpy()[:, KEPT], OPENVLA[f"case{number}.logits"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_actions_of_an_imported_bundle(imported: Callable[..., Bundle], number: int) -> None:
    seed, height, width, sentence, key = CASES[number]
    policy = load_policy(imported(unnorm_key=key), RuntimeSettings(device="cpu"))
    chunk = policy.infer(observation(policy.contract.camera_names, image(seed, height, width), sentence))
    expected = OPENVLA[f"case{number}.actions"]
    np.testing.assert_allclose(chunk.actions[0, :6], expected[:6], rtol=0, atol=1e-12)
    np.testing.assert_allclose(chunk.actions[0, 6], 0.04 * np.clip(expected[6], 0, 1), rtol=0, atol=1e-12)


def oft_model(checkpoint: Checkpoint, kind: str, tmp_path: Path) -> Any:
    """The model of a kind, its parts converted."""
    folder = tmp_path / "converted"
    folder.mkdir()
    for file in checkpoint(kind).iterdir():
        if file.suffix == ".pt":
            convert_part(file, folder / PARTS[file.name.partition("--")[0]])
        else:
            (folder / file.name).symlink_to(file)
    head, proprio, film = kind != "plain", kind in ("proprio", "film", "lora"), kind in ("film", "lora")
    spec = OftSpec(8, tiny.DIMENSIONS, tiny.PROPRIO if proprio else 0, film, head)
    return load_model(folder, load_config(folder), spec, device="cpu", dtype=torch.float32)


@pytest.mark.parametrize(
    ("kind", "images"), [("plain", 1), ("head", 1), ("proprio", 2), ("film", 2), ("lora", 2)], ids=lambda one: str(one)
)
def test_oft(checkpoint: Checkpoint, tmp_path: Path, kind: str, images: int) -> None:
    reference = "tokens" if kind == "plain" else kind
    model = oft_model(checkpoint, kind, tmp_path)
    config = load_config(checkpoint(kind))
    ids = PromptTokenizer(checkpoint(kind), config.vocabulary).encode(SENTENCE)
    pixels = np.concatenate([pixel_values(image(20 + number, 56, 56), config) for number in range(images)])
    statistics = load_statistics(checkpoint(kind), "tabletop")
    proprio = None
    if model.proprio_projector is not None:
        assert statistics.proprio is not None
        proprio = normalize_proprio(STATE, statistics.proprio)
        np.testing.assert_allclose(proprio, OFT[f"{kind}.proprio"], rtol=0, atol=1e-12)
        proprio = torch.tensor(np.array(proprio), dtype=torch.float32)
    answer, source = model.decode_parallel(ids, torch.from_numpy(pixels)[None], proprio)
    if kind == "plain":
        assert answer.tolist() == OFT["tokens.tokens"].tolist()
        np.testing.assert_allclose(source.numpy()[:, KEPT][::5], OFT["tokens.logits"], rtol=0, atol=1e-4)
        return
    np.testing.assert_allclose(source.numpy(), OFT[f"{kind}.hidden"], rtol=0, atol=1e-4)
    low, high = np.array(statistics.action.low), np.array(statistics.action.high)
    normalized = answer.numpy().astype(np.float64)
    actions = np.where(statistics.action.mask, (normalized + 1) / 2 * (high - low) + low, normalized)
    np.testing.assert_allclose(actions, OFT[f"{reference}.actions"], rtol=0, atol=1e-4)


def test_chunk_of_an_imported_oft_bundle(imported: Callable[..., Bundle]) -> None:
    bundle = imported("lora", horizon=8, images=2)
    policy = load_policy(bundle, RuntimeSettings(device="cpu"))
    pictures = {name: image(20 + number, 56, 56) for number, name in enumerate(policy.contract.camera_names)}
    seen = Observation(pictures, dict.fromkeys(pictures, 0), read_only(STATE), 0, SENTENCE)
    chunk = policy.infer(seen)
    expected = OFT["lora.actions"]
    np.testing.assert_allclose(chunk.actions[:, :6], expected[:, :6], rtol=0, atol=1e-4)
    np.testing.assert_allclose(chunk.actions[:, 6], 0.04 * np.clip(expected[:, 6], 0, 1), rtol=0, atol=1e-5)


def test_what_follows_an_action_is_seen_by_those_before_it(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Attention of OFT goes both ways: the stop token, last of all, changes the first action."""
    model = oft_model(checkpoint, "head", tmp_path)
    config = load_config(checkpoint("head"))
    ids = PromptTokenizer(checkpoint("head"), config.vocabulary).encode(SENTENCE)
    pixels = torch.from_numpy(pixel_values(image(20, 56, 56), config))[None]
    before, _ = model.decode_parallel(ids, pixels)
    model.language_model.model.embed_tokens.weight[2] += 1.0
    after, _ = model.decode_parallel(ids, pixels)
    assert (before[0] - after[0]).abs().max() > 1e-4


def observation(cameras: tuple[str, ...], picture: Any, sentence: str) -> Observation:
    pictures = dict.fromkeys(cameras, picture)
    return Observation(pictures, dict.fromkeys(cameras, 0), read_only(np.zeros(8)), 0, sentence)
