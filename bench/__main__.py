"""``make bench``: every benchmark of this folder, one after another, each in a process of its own.

``python -m bench [NAME …]`` runs those named. Results: out/bench/<name>.json.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parent
OUT = FOLDER.parent / "out" / "bench"


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_") and runs(path))


def runs(path: Path) -> bool:
    """Whether a file is a benchmark and not a part of one."""
    return 'if __name__ == "__main__":' in path.read_text()


def main(arguments: list[str]) -> int:
    """Exit status 1 when a benchmark failed or missed its goal."""
    console = Console()
    unknown = sorted(set(arguments) - set(names()))
    if unknown:
        console.print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(names())}")
        return 2
    table = Table(title="benchmarks")
    for column in ("benchmark", "ended", "time", "result"):
        table.add_column(column)
    failed = False
    for name in arguments or names():
        console.rule(name)
        started = time.monotonic()
        code = subprocess.call([sys.executable, str(FOLDER / f"{name}.py")], cwd=FOLDER.parent)
        failed = failed or code != 0
        result = OUT / f"{name}.json"
        table.add_row(
            name, "[green]ok[/]" if code == 0 else f"[red]exit {code}[/]", f"{time.monotonic() - started:.0f} s",
            str(result.relative_to(FOLDER.parent)) if result.is_file() else "–",
        )  # fmt: skip
    console.print(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
