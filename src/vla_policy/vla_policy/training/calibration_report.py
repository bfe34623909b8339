"""Tables and picture of a calibration: ``python -m vla_policy.training.calibration_report IN.npz OUT.png`` draws."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_core.contract import UncertaintySpec
from vla_core.uncertainty import SLOWEST
from vla_policy.training.calibration import CASES, KNOWN, UNKNOWN, Record, judged
from vla_policy.training.signals import SIGNALS

FloatArray = NDArray[np.float64]
QUANTILES = 10


def auroc(sure: FloatArray, unsure: FloatArray) -> float:
    """Probability that an ``unsure`` value is larger than a ``sure`` one, ties half."""
    if not len(sure) or not len(unsure):
        return float("nan")
    order = np.sort(sure)
    below, upto = (np.searchsorted(order, unsure, side=side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(sure))


def summary(
    spec: UncertaintySpec, chosen_on: Sequence[Record], before: Sequence[Record], after: Sequence[Record]
) -> dict[str, Any]:
    """Everything that ``markdown`` tells, as plain numbers."""
    return {
        "spec": asdict(spec),
        "auroc": {signal: _separation(chosen_on, signal) for signal in SIGNALS},
        "cases": {case: _effect(case, before, after) for case in CASES},
    }


def _separation(records: Sequence[Record], signal: str) -> dict[str, float]:
    """AUROC against known episodes that succeeded: unknown cases by chunk, window and episode; own failures."""
    sure = [one for one in records if one.success]
    unsure = [one for one in records if one.case in UNKNOWN]
    failed = [one for one in records if one.case in KNOWN and not one.success]

    def chunks(some: Sequence[Record]) -> FloatArray:
        return np.concatenate([one.signals[signal] for one in some] or [np.zeros(0)])

    def means(some: Sequence[Record]) -> FloatArray:
        return np.array([one.signals[signal].mean() for one in some])

    return {
        "chunk": auroc(chunks(sure), chunks(unsure)),
        "window": auroc(judged(sure, signal), judged(unsure, signal)),
        "episode": auroc(means(sure), means(unsure)),
        "failure": auroc(means(sure), means(failed)),
    }


def _effect(case: str, before: Sequence[Record], after: Sequence[Record]) -> dict[str, float]:
    old, new = ([one for one in records if one.case == case] for records in (before, after))
    scales = np.concatenate([one.speed_scales for one in new])
    succeeded = [one.speed_scales for one, first in zip(new, old, strict=True) if first.success]
    held = [one for one in new if (one.speed_scales < SLOWEST).any()]
    return {
        "episodes": len(new),
        "success_before": float(np.mean([one.success for one in old])),
        "success_after": float(np.mean([one.success for one in new])),
        "wrong_before": float(np.mean([one.wrong_object for one in old])),
        "wrong_after": float(np.mean([one.wrong_object for one in new])),
        "full_speed": float(np.mean(scales == 1.0)),
        "full_speed_of_successes": float(np.mean(np.concatenate(succeeded) == 1.0)) if succeeded else 0.0,
        "held": float(np.mean(scales < SLOWEST)),
        "episodes_slowed": float(np.mean([(one.speed_scales < 1.0).any() for one in new])),
        "episodes_held": len(held) / len(new),
        "first_hold_s": float(np.median([np.argmax(one.speed_scales < SLOWEST) for one in held])) / 10 if held else 0.0,
        "travel_before_m": float(np.mean([one.travel_m for one in old])),
        "travel_after_m": float(np.mean([one.travel_m for one in new])),
    }


def markdown(result: dict[str, Any]) -> str:
    """Two tables: how well each signal separates, and what the thresholds do."""
    spec = result["spec"]
    lines = [
        f"`uncertainty: {{kind: {spec['kind']}, window_s: {spec['window_s']:g}, "
        f"full_speed_below: {spec['full_speed_below']:g}, hold_above: {spec['hold_above']:g}}}`",
        "",
        "| signal | AUROC chunk | window | episode | own failures |",
        "|---|---|---|---|---|",
    ]
    for signal, row in result["auroc"].items():
        cells = " | ".join(f"{row[key]:.3f}" for key in ("chunk", "window", "episode", "failure"))
        lines.append(f"| {SIGNALS[signal]} | {cells} |")
    lines += [
        "",
        "| case | episodes | success before, after | full-speed chunks | of successes | held chunks "
        "| episodes slowed, held | first hold [s] | way of the tool before, after [m] |",
        "|---" * 9 + "|",
    ]
    for case, row in result["cases"].items():
        known = case in KNOWN
        success = f"{row['success_before']:.1%}, {row['success_after']:.1%}" if known else ""
        clear = f"{row['full_speed_of_successes']:.2%}" if known else ""
        first = f"{row['first_hold_s']:.1f}" if row["episodes_held"] else ""
        lines.append(
            f"| {case} | {row['episodes']} | {success} | {row['full_speed']:.1%} | {clear} | {row['held']:.1%} "
            f"| {row['episodes_slowed']:.0%}, {row['episodes_held']:.0%} | {first} "
            f"| {row['travel_before_m']:.2f}, {row['travel_after_m']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def save_curves(path: Path, spec: UncertaintySpec, records: Sequence[Record]) -> None:
    """What ``draw`` needs, so that the picture can be drawn elsewhere."""
    known = [one for one in records if one.case in KNOWN]
    arrays = {f"window: {case}": judged([one for one in records if one.case == case]) for case in CASES}
    np.savez_compressed(
        path,
        thresholds=[spec.full_speed_below, spec.hold_above],
        episode_entropy=[one.signals["entropy"].mean() for one in known],
        episode_success=[one.success for one in known],
        **arrays,  # type: ignore[arg-type]  # numpy types the keywords of savez as its own options
    )


def draw(path: Path, picture: Path) -> bool:
    """Distributions of the doubt by case, and success over it; False without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    data = np.load(path)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=(3, 2))
    cases = [name.removeprefix("window: ") for name in data.files if name.startswith("window: ")]
    low, high = data["thresholds"]
    for place, case in enumerate(cases):
        color = "#1f5fa8" if case in KNOWN else "#c2571a"
        parts = left.violinplot(data[f"window: {case}"], [len(cases) - place], orientation="horizontal", widths=0.9)
        for body in parts["bodies"]:
            body.set_facecolor(color)
        for name in ("cbars", "cmins", "cmaxes"):
            parts[name].set_color(color)
            parts[name].set_linewidth(0.8)
    left.axvline(low, color="black", linestyle=":", linewidth=1, label="full speed up to here")
    left.axvline(high, color="black", linewidth=1, label="holds from here on")
    left.set_yticks(range(len(cases), 0, -1), cases, fontsize=8)
    left.set_xlabel("token entropy, mean of 2 s [nat]")
    left.legend(fontsize=7, loc="lower right")
    order = np.argsort(data["episode_entropy"])
    groups = np.array_split(order, QUANTILES)
    right.bar(
        range(1, QUANTILES + 1), [100 * data["episode_success"][group].mean() for group in groups], color="#1f5fa8"
    )
    right.set_xlabel("tenths of the known episodes, surest first")
    right.set_xticks(range(1, QUANTILES + 1))
    right.set_ylabel("success [%]")
    right.set_ylim(0, 105)
    figure.savefig(picture, dpi=100)
    plt.close(figure)
    return True


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
