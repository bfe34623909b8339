"""``vla policy memory``: the command line."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vla_core.errors import VlaError
from vla_policy.cloning.command import PresetArgument, Set, Variant, changes_of, missing


def memory(
    preset: PresetArgument,
    variant: Variant = "full",
    change: Set = None,
    batch: Annotated[int, typer.Option(min=1, help="samples of a training step")] = 8,
) -> None:
    """Predict the memory of inference (one observation) and training (AdamW, float32). Nothing is allocated."""
    console = Console()
    try:
        from vla_policy.memory.prediction import predict_memory
        from vla_policy.presets import load_preset

        found = predict_memory(load_preset(preset, variant, changes_of(change)), batch)
    except VlaError as error:
        console.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
        raise typer.Exit(1) from error
    except ModuleNotFoundError as error:
        console.print(missing(error.name), soft_wrap=True)
        raise typer.Exit(1) from error
    table = Table("", "inference", f"training, {batch} samples", title=f"{preset}, {variant}, float32 [MB]")
    for name, acting, training in (
        ("weights", found.weights, found.weights),
        ("gradients", None, found.gradients),
        ("optimizer state (AdamW)", None, found.optimizer),
        ("activations at the end of the forward pass", None, found.activations),
        ("keys and values of caches", found.cache, None),
        ("most beside weights and optimizer state", found.acting, found.training),
        ("peak", found.inference_peak, found.training_peak),
    ):
        table.add_row(name, *("" if one is None else f"{one / 1e6:.2f}" for one in (acting, training)))
    console.print(table)
