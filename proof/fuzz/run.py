"""Many sequences on all cores, with a progress bar."""

from __future__ import annotations

import os
import resource
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from proof.fuzz.sequence import Outcome, play

BATCH = 4  # sequences that a process plays before it reports
MEMORY_BYTES = 8 << 30  # a gate that asks for more has failed, and shall not take the machine with it
KEPT = 200  # escapes kept with their details


@dataclass(slots=True)
class Totals:
    """Sums over sequences. offers: by (generator, decision, reason). commands_of: by mood."""

    seed: int
    commands: int = 0
    messages: int = 0
    sequences: int = 0
    offers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    moods: Counter[str] = field(default_factory=Counter)
    truth: Counter[str] = field(default_factory=Counter)
    peaks: dict[str, float] = field(default_factory=dict)
    escapes: Counter[str] = field(default_factory=Counter)
    found: list[tuple[int, str]] = field(default_factory=list)
    duration_s: float = 0.0
    processor_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """One more sequence."""
        self.sequences += 1
        self.messages += outcome.messages
        self.commands += outcome.offers.total()
        self.offers += outcome.offers
        self.events += outcome.events
        self.truth += outcome.truth
        self.processor_s += outcome.processor_s
        self.moods[outcome.mood] += outcome.offers.total()
        for name, peak in outcome.peaks.items():
            self.peaks[name] = max(self.peaks.get(name, 0.0), peak)
        named: set[str] = set()  # the first of a kind says it; the replay shows all
        for escape in outcome.escapes:
            self.escapes[escape.promise] += 1
            if len(self.found) < KEPT and escape.promise not in named:
                named.add(escape.promise)
                text = f"{escape.promise} at {escape.at_ns * 1e-9:.6f} s ({outcome.mood}): {escape.detail}"
                self.found.append((outcome.index, text))


def run(seed: int, commands: int, processes: int, console: Console) -> Totals:
    """Sequences from index 0 on until ``commands`` were offered."""
    totals, began = Totals(seed), time.monotonic()
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), "{task.fields[rate]}",
               TimeElapsedColumn(), TimeRemainingColumn(), "{task.fields[found]}")  # fmt: skip
    shown = [TextColumn(column) if isinstance(column, str) else column for column in columns]
    with Progress(*shown, console=console) as progress:
        bar = progress.add_task("commands", total=commands, rate="", found="")
        with suppress(KeyboardInterrupt):  # what was done until then counts
            for outcome in _outcomes(seed, processes, lambda: totals.commands < commands):
                totals.add(outcome)
                rate = f"{totals.commands / (time.monotonic() - began):.0f}/s"
                found = f"[red]{totals.escapes.total()} escapes[/]" if totals.escapes else "no escape"
                progress.update(bar, completed=min(totals.commands, commands), rate=rate, found=found)
    totals.found.sort()
    totals.duration_s = time.monotonic() - began
    return totals


def _outcomes(seed: int, processes: int, more: Callable[[], bool]) -> Iterator[Outcome]:
    """In the order of indices, so that the same call always counts the same sequences."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # one process a core; threads would only fight for it
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_prepare) as pool:
        waiting: dict[int, Future[list[Outcome]]] = {}
        batches = due = 0
        while more():
            while len(waiting) < 3 * processes:
                first = batches * BATCH
                waiting[batches] = pool.submit(_play, seed, range(first, first + BATCH))
                batches += 1
            wait([waiting[due]], return_when=FIRST_COMPLETED)
            for outcome in waiting.pop(due).result():
                if more():
                    yield outcome
            due += 1
        for future in waiting.values():
            future.cancel()


def _prepare() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    warnings.filterwarnings("ignore", category=RuntimeWarning)  # overflow is what the commands are made for


def _play(seed: int, indices: range) -> list[Outcome]:
    return [play(seed, index) for index in indices]
