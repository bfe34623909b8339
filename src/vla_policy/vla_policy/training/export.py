"""From a checkpoint to the bundle that ships: ONNX network, int8 sentence encoder, contract.

``python -m vla_policy.training.export --run DIR --language DIR --out BUNDLE``
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch

from vla_core.contract import Bundle, write_bundle
from vla_policy.training.dataset import Statistics
from vla_policy.training.model import ExportedPolicy, ModelConfig, TabletopPolicy
from vla_policy.training.train import HIGH, LOW

JOINTS = tuple(f"joint{index}" for index in range(1, 8))
GRIPPER = {"name": "finger_joint1", "unit": "m", "kind": "absolute", "open": 0.04, "closed": 0.0}


def load_policy(run: Path) -> TabletopPolicy:
    """The averaged weights of a training run."""
    policy = TabletopPolicy(ModelConfig())
    policy.load_state_dict(torch.load(run / "checkpoint.pt", weights_only=True)["ema"])
    return policy.eval()


def make_contract(stats: Statistics, version: str) -> dict[str, object]:
    """``policy.yaml`` of the tabletop policy, without the file hashes."""
    joints = [{"name": name, "unit": "rad"} for name in JOINTS]
    camera = {"width": 96, "height": 96, "encoding": "rgb8", "resize": "none", "resize_method": "stretch"}
    return {
        "format": "vla-policy/1",
        "name": "tabletop",
        "version": version,
        "license": "Apache-2.0",
        "runtime": "onnx",
        "cameras": [{"name": name, **camera, "max_age_s": 0.3} for name in ModelConfig.cameras],
        "max_skew_s": 0.05,
        "state": [*joints, {"name": GRIPPER["name"], "unit": "m"}],
        "state_range": {"min": stats.state_min, "max": stats.state_max, "margin": 0.15},
        "action": {
            "space": "joint_position",
            "kind": "chunk_relative",
            "dimensions": joints,
            "gripper": GRIPPER,
            "period_s": 0.1,
            "horizon": ModelConfig.horizon,
        },
        "normalization": {
            "state": {"method": "mean_std", "mean": stats.state_mean, "std": stats.state_std},
            "action": {"method": "quantile", "q01": stats.action_q01, "q99": stats.action_q99},
        },
        "tokenizer": {
            "convention": "endpoint_grid",
            "bins": ModelConfig.bins,
            "low": LOW,
            "high": HIGH,
            "decode": "expected",
        },
        "language": {"encoder": "language/model.onnx", "tokenizer": "language/tokenizer.json", "max_tokens": 32},
        "done": {"threshold": 0.5, "hold_chunks": 5},
    }


def export_network(policy: TabletopPolicy, path: Path) -> float:
    """Write the network as ONNX and return the largest difference of its logits to the original's."""
    import onnxruntime as ort

    generator = torch.Generator().manual_seed(0)
    images = [torch.randint(0, 256, (1, 96, 96, 3), dtype=torch.uint8, generator=generator) for _ in range(2)]
    text = torch.randn(1, 9, 384, generator=generator)
    inputs = (*images, torch.randn(1, 8, generator=generator), text, torch.ones(1, 9, dtype=torch.bool))
    names = ["front", "wrist", "state", "text", "text_mask"]
    exported = ExportedPolicy(policy).eval()
    torch.onnx.export(
        exported,
        inputs,
        str(path),
        input_names=names,
        output_names=["logits", "done"],
        dynamic_axes={"text": {1: "tokens"}, "text_mask": {1: "tokens"}},
        opset_version=17,
        dynamo=False,
    )
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
    logits = session.run(["logits"], feed)[0]
    with torch.no_grad():
        return float(np.abs(logits - exported(*inputs)[0].numpy()).max())


def export_bundle(run: Path, language: Path, out: Path, version: str = "0.1.0") -> Bundle:
    """Write the whole bundle.

    Raises:
        RuntimeError: the ONNX network does not compute what the checkpoint does.
    """
    if out.exists():
        shutil.rmtree(out)
    (out / "language").mkdir(parents=True)
    difference = export_network(load_policy(run), out / "model.onnx")
    if not difference < 1e-2:
        raise RuntimeError(f"the exported network differs from the checkpoint by {difference:.2g} in its logits")
    for name in ("model.onnx", "tokenizer.json"):
        shutil.copyfile(language / name, out / "language" / name)
    return write_bundle(out, make_contract(Statistics.load(run / "stats.json"), version))


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--language", type=Path, required=True, help="folder of the exported sentence encoder")
    parser.add_argument("--out", type=Path, required=True, help="bundle folder, replaced")
    parser.add_argument("--version", default="0.1.0")
    args = parser.parse_args(argv)
    bundle = export_bundle(args.run, args.language, args.out, args.version)
    size = sum(path.stat().st_size for path in bundle.path.rglob("*") if path.is_file())
    print(f"{bundle.path}: {bundle.contract.policy_id}, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
