"""``vla policy import``: bundles out of other people's checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from vla_core.errors import VlaError
from vla_policy.foreign.embodiment import TABLETOP, load_embodiment

app = typer.Typer(no_args_is_help=True, help="Make a bundle out of a checkpoint of another framework.")


@app.callback()
def _group() -> None:
    """Keeps the framework's name a word of the command while there is only one."""


@app.command()
def openvla(
    checkpoint: Annotated[Path, typer.Argument(help="folder in the official layout", metavar="PATH")],
    out: Annotated[Path, typer.Argument(help="folder of the new bundle", metavar="OUT")],
    unnorm_key: Annotated[str | None, typer.Option(help="dataset whose statistics apply")] = None,
    embodiment: Annotated[Path, typer.Option(help="the robot; the shipped arm if left out")] = TABLETOP,
    horizon: Annotated[int | None, typer.Option(min=1, help="OFT: actions of a chunk")] = None,
    images: Annotated[int | None, typer.Option(min=1, help="OFT: cameras that it was trained with")] = None,
    normalization: Annotated[str, typer.Option(help="OFT: q99 or min_max (ALOHA)")] = "q99",
    center_crop: Annotated[bool, typer.Option(help="it was fine-tuned with random crops")] = False,
    name: Annotated[str | None, typer.Option(help="of the policy; that of the folder if left out")] = None,
    license: Annotated[str, typer.Option(help="of the weights")] = "as stated by whoever made the checkpoint",
    link: Annotated[bool, typer.Option(help="link to the weights instead of copying them")] = False,
) -> None:
    """An OpenVLA or OpenVLA-OFT checkpoint. Exit status 1: refused, with every difference named."""
    from vla_policy.foreign.openvla.importing import ImportRequest, import_checkpoint

    console = Console()
    try:
        request = ImportRequest(
            checkpoint=checkpoint,
            unnorm_key=unnorm_key,
            embodiment=load_embodiment(embodiment),
            horizon=horizon,
            images=images,
            normalization=normalization,
            center_crop=center_crop,
            name=name or checkpoint.resolve().name,
            license=license,
            link=link,
        )
        bundle = import_checkpoint(request, out)
    except VlaError as error:
        console.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
        raise typer.Exit(1) from error
    action = bundle.contract.action
    console.print(
        f"{bundle.path}: {escape(bundle.contract.policy_id)}, {action.horizon} x {len(bundle.contract.action_names)} "
        f"({escape(', '.join(bundle.contract.action_names))}) every {action.period_s:g} s, "
        f"for the robot of {embodiment}",
        soft_wrap=True,
    )
