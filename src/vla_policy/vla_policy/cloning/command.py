"""``vla policy train``: the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn

from vla_core.errors import VlaError
from vla_policy.cloning.errors import TrainError
from vla_policy.cloning.options import LORA_PARTS, TrainOptions

_EXTRA: Final = (
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "diffusers",
    "safetensors",
    "av",
    "pyarrow",
    "onnx",
    "pandas",
)
PresetArgument = Annotated[str, typer.Argument(help="name of a preset, or a YAML file", metavar="PRESET")]
Variant = Annotated[str, typer.Option(help="full, or one of the preset's variants, e.g. tiny")]
Set = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of the model, VALUE as YAML; repeatable")]


def train(
    preset: PresetArgument,
    data: Annotated[Path, typer.Option(help="folder of a LeRobotDataset v3")],
    out: Annotated[Path, typer.Option(help="folder of the run; where one was interrupted, it goes on")],
    variant: Variant = "full",
    change: Set = None,
    embodiment: Annotated[Path | None, typer.Option(help="YAML: what the dataset's numbers mean")] = None,
    steps: Annotated[int, typer.Option(help="of the optimizer")] = 10_000,
    batch: Annotated[int, typer.Option(help="samples a step and process")] = 64,
    rate: Annotated[float, typer.Option(help="highest learning rate")] = 3e-4,
    warmup: Annotated[int, typer.Option(help="steps up to it")] = 200,
    clip: Annotated[float, typer.Option(help="largest norm of the gradient")] = 1.0,
    seed: Annotated[int, typer.Option(help="of weights, batches and noise")] = 0,
    precision: Annotated[str, typer.Option(help="no, bf16 or fp16 (fp16 wants a GPU)")] = "no",
    checkpointing: Annotated[bool, typer.Option("--checkpointing", help="less memory, more time")] = False,
    lora_rank: Annotated[int, typer.Option(help="of low-rank adapters in the encoders; 0: train everything")] = 0,
    lora_part: Annotated[list[str] | None, typer.Option(help="vision or language; repeatable; both")] = None,
    augment: Annotated[bool, typer.Option("--augment", help="change images at random")] = False,
    weight: Annotated[list[str] | None, typer.Option(help="TASK=WEIGHT, or balanced=1; repeatable")] = None,
    actions: Annotated[str | None, typer.Option(help="labels.chunk or action")] = None,
    normalization: Annotated[str, typer.Option(help="of actions: quantile, min_max or mean_std")] = "quantile",
    diverged_above: Annotated[float, typer.Option(help="stop above this multiple of the lowest loss")] = 10.0,
    diverged_after: Annotated[int, typer.Option(help="for so many steps")] = 200,
    log_every: Annotated[int, typer.Option(help="steps a row of metrics")] = 10,
    save_every: Annotated[int, typer.Option(help="steps a checkpoint")] = 500,
    stop_after: Annotated[int | None, typer.Option(help="leave after this step, as if interrupted")] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="write its events too")] = False,
) -> None:
    """Train a preset on demonstrations. Exit status 1: refused, or stopped because it diverged."""
    console = Console()
    try:
        options = TrainOptions(
            steps=steps,
            batch=batch,
            rate=rate,
            warmup=warmup,
            clip=clip,
            seed=seed,
            precision=precision,
            checkpointing=checkpointing,
            lora_rank=lora_rank,
            lora_parts=tuple(lora_part or LORA_PARTS),
            augment=augment,
            task_weights={name: _number("weight", value) for name, value in pairs(weight, "weight").items()},
            actions=actions,
            normalization=normalization,
            diverged_above=diverged_above,
            diverged_after=diverged_after,
            log_every=log_every,
            save_every=save_every,
            tensorboard=tensorboard,
        )
        report = _train(preset, variant, changes_of(change), data, out, options, embodiment, stop_after, console)
    except VlaError as error:
        console.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
        raise typer.Exit(1) from error
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        console.print(missing(error.name), soft_wrap=True)
        raise typer.Exit(1) from error
    console.print(report, soft_wrap=True, markup=False)


def _train(
    preset: str,
    variant: str,
    changes: Mapping[str, Any],
    data: Path,
    out: Path,
    options: TrainOptions,
    embodiment: Path | None,
    stop_after: int | None,
    console: Console,
) -> str:
    from vla_policy.cloning.bundle import describe
    from vla_policy.cloning.running import Request, run

    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("reading", total=None)

        def on(what: str, done: int, total: int, row: Mapping[str, float]) -> None:
            text = f"{what}, loss {row['loss']:.4g}" if row else what
            progress.update(bar, description=text, completed=done, total=total)

        report = run(Request(preset, variant, changes, data, out, options, embodiment, stop_after), on)
    if report.left is None:
        return f"stopped after step {report.step} of {options.steps}; the same command goes on"
    return f"trained: {report.step} steps, {out / 'curves.png'}\n{describe(report.left)}"


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """``KEY=VALUE`` of a repeated option. TrainError for anything else."""
    result = {}
    for value in values or []:
        name, sign, text = value.partition("=")
        if not (name and sign):
            raise TrainError(f"{option}: {value!r} is no NAME=VALUE")
        result[name] = text
    return result


def changes_of(values: list[str] | None) -> dict[str, Any]:
    """``--set head.layers=2``: changes of the model section; dots go into mappings, values are YAML."""
    changes: dict[str, Any] = {}
    for name, text in pairs(values, "set").items():
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise TrainError(f"set: the value of {name}, {text!r}, is not YAML: {error}") from error
        place = changes
        *path, last = name.split(".")
        for key in path:
            place = place.setdefault(key, {})
        place[last] = value
    return changes


def missing(name: str | None) -> str:
    """What to say where this environment lacks a library."""
    return (
        f"[red]training needs {name}, which is not in {sys.executable}; use the training environment: "
        "`make testpolicy` makes it, VLA_POLICY_PYTHON=.venv-train/bin/python names it[/]"
    )


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TrainError(f"{option}: {text!r} is no number; give TASK=WEIGHT, e.g. pick=2") from None
