"""Showing how a stack comes up and goes down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from vla_bringup.stack.supervisor import Progress

DONE = ("active", "ended")


class ProgressBoard:
    """One line a node. Without a terminal each change is printed instead."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: dict[str, tuple[str, float]] = {}
        self._started = time.monotonic()
        self._live: Live | None = None

    def update(self, node: str, text: str) -> None:
        """``node`` does ``text`` now."""
        elapsed_s = time.monotonic() - self._started
        self._lines[node] = (text, elapsed_s)
        if self._live is not None:
            self._live.update(self._page())
        else:
            self._console.print(f"[{elapsed_s:5.1f} s] {node}: {text}", markup=False)

    def _page(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for node, (text, elapsed_s) in self._lines.items():
            done = text in DONE
            mark = "[green]✓[/]" if done else Spinner("dots", style="cyan")
            table.add_row(mark, node, f"[green]{text}[/]" if done else text, f"[dim]{elapsed_s:.1f} s[/]")
        return table

    @contextmanager
    def shown(self) -> Iterator[Progress]:
        """Keep the board on the screen; gives the function to report to."""
        if not self._console.is_terminal:
            yield self.update
            return
        with Live(self._page(), console=self._console, refresh_per_second=10) as live:
            self._live = live
            try:
                yield self.update
            finally:
                live.update(self._page())
                self._live = None
