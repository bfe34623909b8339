"""The command line of the matrix."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.live import Live

from proof.faults.catalogue import FAULTS, names
from proof.faults.config import load
from proof.faults.domain import claim
from proof.faults.fault import Fault
from proof.faults.matrix import Matrix
from proof.faults.report import machine, markdown, table, write_docs, write_report
from proof.faults.row import Row
from proof.faults.wave import write_wave_bundle
from vla_bringup.stack.interrupt import terminate_as_interrupt, uninterrupted
from vla_bringup.stack.spec import tabletop_params
from vla_core.errors import VlaError

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = Path(__file__).parent / "tabletop.yaml"
SAFETY = ROOT / "docs" / "safety.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all ok, 1 something is not, 2 wrong use, 130 interrupted."""
    options = _parser().parse_args(arguments)
    console = Console()
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    if options.list:
        console.print("\n".join(names()))
        return 0
    try:
        chosen = _chosen(options.names)
        config = load(options.stack)
        domain, lock = claim(options.domain)
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        out: Path = options.out.resolve()
        places = {
            "out": str(out),
            "tabletop_params": str(tabletop_params()),
            "wave_bundle": str(write_wave_bundle(out / "wave")),
        }
        about = machine(config.name, options.repeat)
        with lock or nullcontext(), _shown(console) as tell, terminate_as_interrupt():
            matrix = Matrix(config, chosen, out, places, tell)
            tell.matrix = matrix
            try:
                matrix.run(options.repeat)
            except KeyboardInterrupt:
                console.print("interrupted; what was measured so far is reported")
                tell.interrupted = True
            finally:
                with uninterrupted():
                    write_report(matrix.rows, out, about)
    except VlaError as error:
        console.print(f"[red]{error}[/]", highlight=False)
        return 2
    (console if console.is_terminal else Console(width=160)).print(table(matrix.rows))
    console.print(f"report: {out / 'report.json'}")
    if tell.interrupted:
        return 130
    if not options.names and options.stack == SHIPPED and not options.no_docs:
        write_docs(SAFETY, markdown(matrix.rows, about))
        console.print(f"table:  {SAFETY.relative_to(ROOT)}")
    return int(any(row.ok is False for row in matrix.rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proof.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults by name, or a part of it; none: all")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions of each fault")
    parser.add_argument("--stack", type=Path, default=SHIPPED, help="description of the stack (YAML)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "faults", help="folder of report and logs")
    given = os.environ.get("ROS_DOMAIN_ID")
    parser.add_argument(
        "--domain", type=int, default=None if given is None else int(given), help="ROS_DOMAIN_ID; none: a free one"
    )
    parser.add_argument("--no-docs", action="store_true", help="leave docs/safety.md as it is")
    parser.add_argument("--list", action="store_true", help="name the faults and end")
    return parser


def _chosen(wanted: Sequence[str]) -> list[Fault]:
    chosen = []
    for word in wanted:
        exact = [fault for fault in FAULTS if fault.name.lower() == word.lower()]
        found = exact or [fault for fault in FAULTS if word.lower() in fault.name.lower()]
        if not found:
            raise VlaError(f"no fault is called {word!r}; there are: {', '.join(names())}")
        chosen += found
    return [fault for fault in FAULTS if fault in chosen or not wanted]


class _Teller:
    """Shows each step: a live table on a terminal, else a line."""

    def __init__(self, console: Console, live: Live | None) -> None:
        self._console, self._live = console, live
        self.matrix: Matrix | None = None
        self.interrupted = False

    def __call__(self, row: Row, text: str) -> None:
        """``row`` is at ``text``."""
        if self._live is None:
            self._console.print(f"{row.fault}: {text}", markup=False, highlight=False, soft_wrap=True)
        elif self.matrix is not None:
            self._live.update(table(self.matrix.rows, f"{row.fault}: {text}"))


@contextmanager
def _shown(console: Console) -> Iterator[_Teller]:
    if not console.is_terminal:
        yield _Teller(console, None)
        return
    with Live(console=console, refresh_per_second=4.0, transient=True) as live:
        yield _Teller(console, live)
