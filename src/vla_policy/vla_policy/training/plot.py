"""Picture and table of a training run: ``python -m vla_policy.training.plot --run DIR --out DIR``."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

COLUMNS = ("step", "frames", "labels", "seconds", "rate", "loss", "token", "l1", "done", "target_m")
UNITS = {"token": "cross-entropy of a token [nat]", "l1": "error of an action [of its range]",
         "done": "cross-entropy of done [nat]", "target_m": "error of the cube's place [m]"}  # fmt: skip


def read_log(path: Path) -> list[dict[str, float]]:
    """Rows of ``log.csv``; where a run was resumed, the newest row of a step counts."""
    with path.open(newline="") as file:
        rows = [dict(zip(COLUMNS, map(float, row), strict=True)) for row in csv.reader(file)]
    return [row for _, row in sorted({row["step"]: row for row in rows}.items())]


def draw(rows: list[dict[str, float]], path: Path) -> None:
    """Four losses over the frames seen."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 5.5), sharex=True, layout="constrained")
    for axis, (key, label) in zip(axes.flat, UNITS.items(), strict=True):
        axis.plot([row["frames"] / 1000 for row in rows], [row[key] for row in rows], color="#1f5fa8", linewidth=1.2)
        axis.set_ylabel(label, fontsize=8)
        axis.set_yscale("log")
        axis.grid(alpha=0.3, which="both")
    for axis in axes[1]:
        axis.set_xlabel("frames seen [thousand]")
    figure.suptitle("Training of the tabletop policy")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def table(rows: list[dict[str, float]], every: int) -> str:
    """Markdown table of every ``every``-th step and the last."""
    chosen = [row for row in rows if row["step"] % every == 0 or row is rows[-1]]
    lines = ["| step | frames | labels | token loss | action error | done loss | place error [mm] |", "|" + "---|" * 7]
    lines += [
        f"| {row['step']:.0f} | {row['frames']:.0f} | {row['labels']:.0f} | {row['token']:.3f} | {row['l1']:.4f} "
        f"| {row['done']:.4f} | {1000 * row['target_m']:.1f} |"
        for row in chosen
    ]
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="training.png and training.md go here")
    args = parser.parse_args(argv)
    rows = read_log(args.run / "log.csv")
    args.out.mkdir(parents=True, exist_ok=True)
    draw(rows, args.out / "training.png")
    (args.out / "training.md").write_text(table(rows, every=400))


if __name__ == "__main__":
    main()
