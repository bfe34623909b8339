"""``python -m proof.fuzz [--commands N] [--seed S]``; ``--replay SEED:INDEX`` plays one sequence again.

Exit status 1 when anything escaped. The report is out/fuzz/report.json.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from rich.console import Console

from proof.fuzz import report
from proof.fuzz.robots import ROOT
from proof.fuzz.run import Totals, run
from proof.fuzz.sequence import play

OUT = ROOT / "out" / "fuzz" / "report.json"


def main(arguments: list[str]) -> int:
    """Run or replay."""
    parser = argparse.ArgumentParser(prog="python -m proof.fuzz", description=__doc__)
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--replay", metavar="SEED:INDEX", help="one sequence, as an escape names it")
    options = parser.parse_args(arguments)
    console = Console()
    if options.replay:
        seed, index = (int(part) for part in options.replay.split(":"))
        totals, began = Totals(seed), time.monotonic()
        totals.add(play(seed, index))
        totals.duration_s = time.monotonic() - began
        content = report.report(totals)
    else:
        content = report.report(run(options.seed, options.commands, options.processes, console))
        report.write(content, options.out)
        console.print(f"report: {options.out}")
    report.show(content, console)
    return 1 if content["escapes"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
