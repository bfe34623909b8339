from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vla_core.contract import Bundle
from vla_policy.foreign.embodiment import TABLETOP, load_embodiment
from vla_policy.foreign.openvla import tiny
from vla_policy.foreign.openvla.importing import ImportRequest, import_checkpoint

PARTS = {
    "plain": {},
    "head": {"action_head": tiny.head_shapes()},
    "proprio": {"action_head": tiny.head_shapes(), "proprio_projector": tiny.proprio_shapes()},
}
PARTS["film"] = PARTS["proprio"] | {"vision_backbone": tiny.film_shapes()}
PARTS["lora"] = PARTS["proprio"] | {"vision_backbone": tiny.film_shapes(lora=True)}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tiny checkpoint of a kind; written once. Not to be changed."""
    pytest.importorskip("safetensors", reason="writing checkpoints needs safetensors")
    pytest.importorskip("torch", reason="the parts of OFT need PyTorch")
    folder = tmp_path_factory.mktemp("checkpoints")

    def of(kind: str) -> Path:
        path = folder / kind
        return path if path.exists() else tiny.write_checkpoint(path, **PARTS[kind])

    return of


@pytest.fixture
def imported(checkpoint: Callable[[str], Path], tmp_path: Path) -> Callable[..., Bundle]:
    """The bundle of a tiny checkpoint for the shipped arm."""

    def make(kind: str = "plain", out: str = "bundle", **changes: object) -> Bundle:
        return import_checkpoint(request_of(checkpoint(kind), **changes), tmp_path / out)

    return make


def request_of(path: Path, **changes: object) -> ImportRequest:
    values: dict[str, object] = {
        "checkpoint": path,
        "unnorm_key": "tabletop",
        "embodiment": load_embodiment(TABLETOP),
        "horizon": None,
        "images": None,
        "normalization": "q99",
        "center_crop": False,
        "name": "tiny",
        "license": "none",
        "link": True,
    }
    return ImportRequest(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def request_for() -> Callable[..., ImportRequest]:
    return request_of
