"""How the command line looks and how it fails."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from vla_core.errors import VlaError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

INTERRUPTED = 130


@contextmanager
def reported() -> Iterator[None]:
    """Errors meant for the user become one message and exit code 1; Ctrl-C becomes exit code 130."""
    try:
        yield
    except VlaError as error:
        errors.print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("[yellow]interrupted[/]")
        sys.exit(INTERRUPTED)


STATE_STYLES = {
    "DISARMED": "dim",
    "HOLDING": "cyan",
    "EXECUTING": "green",
    "STOPPING": "yellow",
    "STOPPED": "bold red",
    "IDLE": "cyan",
    "RUNNING": "green",
    "STARVED": "yellow",
    "WORKER_DOWN": "bold red",
    "INACTIVE": "dim",
}


def styled(state: str) -> str:
    """A state's name in its colour."""
    style = STATE_STYLES.get(state)
    return f"[{style}]{state}[/]" if style else state
