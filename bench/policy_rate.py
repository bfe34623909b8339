"""Chunks per second of a policy bundle on two cores, with one and with two threads. Goal: at least 20.

``python bench/policy_rate.py [--bundle DIR]`` writes out/bench/policy_rate.json and prints a table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path

# Before numpy and ONNX Runtime load: their own thread pools must not count towards the policy's threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import onnxruntime
from rich.console import Console
from rich.table import Table

from vla_core.contract import load_bundle
from vla_policy.measure import Latency, measure_latency
from vla_policy.runtimes import RuntimeSettings, load_policy

ROOT = Path(__file__).resolve().parent.parent
BUNDLE = ROOT / "src" / "vla_policy" / "policies" / "tabletop"
GOAL_CHUNKS_PER_S = 20.0
CORES = 2


def main(argv: list[str] | None = None) -> int:
    """Exit status 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--runs", type=int, default=300, help="inferences per thread count")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench" / "policy_rate.json")
    arguments = parser.parse_args(argv)
    cores = use_cores(CORES)
    results = {threads: measure(arguments.bundle, threads, arguments.runs) for threads in (1, 2)}
    best = max(latency.chunks_per_s for latency in results.values())
    report = {
        "bundle": load_bundle(arguments.bundle).contract.policy_id,
        "goal_chunks_per_s": GOAL_CHUNKS_PER_S,
        "chunks_per_s": best,
        "goal_met": best >= GOAL_CHUNKS_PER_S,
        "threads": {str(threads): asdict(latency) for threads, latency in results.items()},
        "cores": cores,
        "load_average": os.getloadavg()[0],
        "versions": {"python": platform.python_version(), "onnxruntime": onnxruntime.__version__},
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    show(report, results)
    return 0 if report["goal_met"] else 1


def use_cores(count: int) -> list[int]:
    """Pin this process to the first ``count`` cores that it may use, and name them."""
    cores = sorted(os.sched_getaffinity(0))[:count]
    os.sched_setaffinity(0, cores)
    return cores


def measure(bundle: Path, threads: int, runs: int) -> Latency:
    """Latency of the bundle's policy on the CPU, in this process."""
    policy = load_policy(load_bundle(bundle), RuntimeSettings(threads=threads, device="cpu"))
    return measure_latency(policy, runs)


def show(report: dict[str, object], results: dict[int, Latency]) -> None:
    """One row per thread count."""
    title = f"{report['bundle']} on {CORES} cores, load average {report['load_average']:.1f}"
    table = Table("threads", "chunks/s", "p50 ms", "p95 ms", "p99 ms", "new sentence ms", title=title)
    for threads, one in results.items():
        numbers = (one.chunks_per_s, one.p50_ms, one.p95_ms, one.p99_ms, one.first_sentence_ms)
        table.add_row(str(threads), *(f"{number:.1f}" for number in numbers))
    console = Console()
    console.print(table)
    console.print(f"goal: at least {GOAL_CHUNKS_PER_S:g} chunks/s: {'met' if report['goal_met'] else 'missed'}")


if __name__ == "__main__":
    raise SystemExit(main())
