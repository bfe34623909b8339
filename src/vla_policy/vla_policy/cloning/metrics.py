"""What a run measures: as CSV, as JSON lines, as a picture, and for TensorBoard where it is installed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from vla_policy.cloning.errors import TrainError

CSV, LINES, PICTURE = "metrics.csv", "metrics.jsonl", "curves.png"


class Metrics:
    """The rows of a run; a run that goes on keeps those up to ``step``.

    Raises:
        TrainError: ``tensorboard`` was asked for and is not installed.
    """

    def __init__(self, run: Path, step: int = 0, tensorboard: bool = False) -> None:
        self._run = run
        self._board: Any = _board(run) if tensorboard else None
        self.rows = [row for row in read_metrics(run) if row["step"] <= step]
        (run / LINES).write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")

    def add(self, row: dict[str, float]) -> None:
        """Append one row; it has a ``step``."""
        self.rows.append(row)
        with (self._run / LINES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._board is not None:
            for name, value in row.items():
                self._board.add_scalar(name, value, int(row["step"]))

    def close(self) -> None:
        """Write the table and the picture."""
        if not self.rows:
            return
        with (self._run / CSV).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)
        draw(self.rows, self._run / PICTURE)
        if self._board is not None:
            self._board.close()


def read_metrics(run: Path) -> list[dict[str, float]]:
    """The rows that a run has written, a torn last line left out."""
    rows = []
    for line in (run / LINES).read_text(encoding="utf-8").splitlines() if (run / LINES).exists() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def draw(rows: list[dict[str, float]], path: Path) -> None:
    """Loss and its parts, norm of the gradient and rate over the steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    FigureCanvasAgg(figure)
    steps = [row["step"] for row in rows]
    losses = [name for name in rows[0] if name == "loss" or name.startswith("loss/")]
    panels = (("loss", losses), ("norm of the gradient", ["norm"]), ("rate", ["rate"]))
    for axis, (title, names) in zip(figure.subplots(1, 3), panels, strict=True):
        for name in names:
            axis.plot(steps, [row[name] for row in rows], linewidth=1.2, label=name)
        if min(row[name] for row in rows for name in names) > 0:
            axis.set_yscale("log")
        axis.set(title=title, xlabel="step")
        axis.grid(alpha=0.3)
        if len(names) > 1:
            axis.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def _board(run: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainError(
            f"tensorboard: not installed here; {CSV}, {LINES} and {PICTURE} are written without it: "
            "leave --tensorboard out, or `pip install tensorboard` into the policy environment"
        ) from error
    return SummaryWriter(str(run / "tensorboard"))
