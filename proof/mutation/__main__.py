"""``make mutants``: change the safety core in thousands of small ways; each must make a test fail.

``python -m proof.mutation [FILE …]`` takes parts of paths, e.g. ``rules/ages`` or ``quintic``. What is known from an
earlier run and cannot have changed is not run again (out/mutation/results.json). Exit status 1 when a mutant survives
that equivalent.yaml does not list, or when an entry of that list is not a survivor any more.

mutmut, the usual tool, was tried: it changes neither properties nor module and class level constants, deletes no
statements, and takes packages directly under ``src`` only, which colcon packages are not.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import pickle
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from proof.mutation import judge
from proof.mutation.operators import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "vla_core"
CORE = [
    *sorted((PACKAGE / "vla_core" / "safety").rglob("*.py")),
    *(PACKAGE / "vla_core" / f for f in ("limits.py", "urdf.py")),
]
TESTS = [PACKAGE / "test" / name for name in ("safety", "test_limits.py", "test_urdf.py")]
OUT = ROOT / "out" / "mutation"
LISTED = Path(__file__).with_name("equivalent.yaml")
PRELOADED = ("numpy", "pinocchio", "coal", "ruckig", "hypothesis.strategies", "hypothesis.extra.numpy")
Key = tuple[str, str, str, str, int]


@dataclass(frozen=True)
class Result:
    """status: killed, timeout, survived or uncovered. by: the test that failed. stamp: what it holds for."""

    status: str
    by: str
    stamp: str

    @property
    def survived(self) -> bool:
        """Whether no test noticed."""
        return self.status in ("survived", "uncovered")


class Run:
    """One run: what to judge, and what is known."""

    def __init__(self, chosen: list[Path], jobs: int, budget_s: float, fresh: bool) -> None:
        self.jobs, self.budget_s = jobs, budget_s
        self.sources = {str(path.relative_to(PACKAGE / "vla_core")): path for path in chosen}
        self.mutants = [m for name, path in self.sources.items() for m in mutants(path.read_text(), name)]
        self.test_files = sorted(path for top in TESTS for path in ([top] if top.is_file() else top.rglob("*.py")))
        self.everything = digest([*CORE, *self.test_files])
        self.known: dict[Key, Result] = {} if fresh else load()
        self.killers: dict[str, list[str]] = {}
        self.baseline = self._baseline()

    def path(self, mutant: Mutant) -> str:
        """Absolute path of the file that ``mutant`` changes."""
        return str(self.sources[mutant.file])

    def stamp(self, mutant: Mutant, test: str) -> str:
        """A kill holds while the mutant's file and the test's are the same; a survival, while nothing changes."""
        return digest([self.sources[mutant.file], ROOT / test.split("::")[0]]) if test else self.everything

    def todo(self) -> list[Mutant]:
        """What is not known yet."""
        return [m for m in self.mutants if not self._holds(m, self.known.get(m.key))]

    def _holds(self, mutant: Mutant, result: Result | None) -> bool:
        if result is None:
            return False
        if result.by and not (ROOT / result.by.split("::")[0]).exists():
            return False
        return result.stamp == self.stamp(mutant, result.by)

    def tests(self, mutant: Mutant) -> list[str]:
        """Which tests to try, in order: those that killed its neighbours first."""
        before = self.known.get(mutant.key)
        first = ([before.by] if before and before.by else []) + self.killers.get(f"{mutant.file}:{mutant.function}", [])
        return self.baseline.tests(mutant, self.path(mutant), first, self.budget_s)

    def record(self, mutant: Mutant, status: str, by: str) -> None:
        """Remember the result, and which tests are good at this function."""
        self.known[mutant.key] = Result(status, by, self.stamp(mutant, by))
        if by:
            mates = self.killers.setdefault(f"{mutant.file}:{mutant.function}", [])
            if by in mates:
                mates.remove(by)
            mates.insert(0, by)
            del mates[6:]

    def _baseline(self) -> judge.Baseline:
        """CPU time and coverage of every test; all must pass."""
        cache = OUT / "baseline.pickle"
        if cache.exists():
            stamp, baseline = pickle.loads(cache.read_bytes())
            if stamp == self.everything:
                return baseline  # type: ignore[no-any-return]
        Console(stderr=True).print("running the tests unchanged …")
        done = cache.with_suffix(".new")
        child = os.fork()
        if not child:
            measure = judge.Measure(str(PACKAGE / "vla_core"))
            code = pytest.main(judge.arguments([str(t) for t in TESTS]), plugins=[measure])
            if code == 0:
                done.write_bytes(pickle.dumps((self.everything, measure.baseline())))
            os._exit(int(code))
        if os.waitpid(child, 0)[1]:
            sys.exit("the tests fail without any mutant; make them pass first")
        done.replace(cache)
        return pickle.loads(cache.read_bytes())[1]  # type: ignore[no-any-return]


def digest(paths: list[Path]) -> str:
    """Of the contents of files."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def load() -> dict[Key, Result]:
    """What earlier runs found."""
    file = OUT / "results.json"
    if not file.exists():
        return {}
    return {tuple(row["key"]): Result(row["status"], row["by"], row["stamp"]) for row in json.loads(file.read_text())}


def save(known: dict[Key, Result]) -> None:
    """For the next run."""
    rows = [{"key": key, "status": r.status, "by": r.by, "stamp": r.stamp} for key, r in known.items()]
    new = OUT / "results.new"
    new.write_text(json.dumps(rows))
    new.replace(OUT / "results.json")


def pool(run: Run, todo: list[Mutant], judge_one: Callable[[Mutant, list[str], int], None], title: str) -> None:
    """Judge in forked children, ``run.jobs`` at a time. A child writes the failed test's name to its pipe and exits."""
    running: dict[int, tuple[Mutant, int]] = {}
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=len(todo))
        waiting = iter(todo)
        while True:
            while len(running) < run.jobs and (mutant := next(waiting, None)) is not None:
                tests = run.tests(mutant)
                if not tests:
                    run.record(mutant, "uncovered", "")
                    progress.advance(task)
                    continue
                reading, writing = os.pipe()
                child = os.fork()
                if not child:
                    try:
                        judge_one(mutant, tests, writing)
                    finally:
                        os._exit(0)
                os.close(writing)
                running[child] = (mutant, reading)
            if not running:
                break
            child, state = os.wait()
            mutant, reading = running.pop(child)
            with os.fdopen(reading) as pipe:
                words = pipe.read().splitlines()
            killed = words[-1] if words else ""
            if os.WIFSIGNALED(state):
                hung = os.WTERMSIG(state) == signal.SIGPROF
                run.record(mutant, "timeout" if hung else "killed", "")
            else:
                run.record(mutant, "killed" if killed else "survived", killed.removeprefix("!"))
            progress.advance(task)
            if progress.tasks[task].completed % 100 == 0:
                save(run.known)
    save(run.known)


def live(run: Run, todo: list[Mutant]) -> None:
    """Mutants inside functions: the tests are collected once, the child replaces the function's code."""

    def work(items: dict[str, pytest.Item]) -> None:
        functions = judge.functions(str(PACKAGE / "vla_core"))

        def judge_one(mutant: Mutant, tests: list[str], writing: int) -> None:
            judge.quiet()
            path = run.path(mutant)
            code = judge.code_of(mutant.code(Path(path).read_text(), path), mutant.function)
            for function in functions[path, mutant.function]:
                function.__code__ = code
            os.write(writing, judge.first_failure((items[name] for name in tests), run.baseline.seconds).encode())

        pool(run, todo, judge_one, "functions")

    child = os.fork()
    if not child:
        pytest.main(judge.arguments([str(t) for t in TESTS]), plugins=[judge.Hand(work)])
        os._exit(0)
    os.waitpid(child, 0)
    run.known = load()


def anew(run: Run, todo: list[Mutant]) -> None:
    """Mutants of modules, classes and default values: the child imports the core with the change."""

    def judge_one(mutant: Mutant, tests: list[str], writing: int) -> None:
        judge.quiet()
        path = run.path(mutant)
        judge.import_mutated(path, mutant.code(Path(path).read_text(), path))
        failed: list[str] = []

        def work(items: dict[str, pytest.Item]) -> None:
            failed.append(judge.first_failure((items[name] for name in tests), run.baseline.seconds))

        code = pytest.main(judge.arguments(sorted({name.split("::")[0] for name in tests})), plugins=[judge.Hand(work)])
        if not failed:
            failed.append(f"!{tests[0].split('::')[0]}")  # it cannot even be imported
        os.write(writing, failed[0].encode() if code is not None else b"")

    for name in PRELOADED:  # what takes long to import and does not import the core
        importlib.import_module(name)
    pool(run, todo, judge_one, "constants")


def listed() -> dict[Key, str]:
    """The survivors that are accepted, with the reason."""
    found: dict[Key, str] = {}
    for entry in yaml.safe_load(LISTED.read_text()) or []:
        for original, mutated, *number in entry["mutants"]:
            found[entry["file"], entry["function"], original, mutated, *(number or [1])] = entry["reason"]
    return found


def report(run: Run) -> int:
    """Counts per file, unlisted survivors, stale entries; out/mutation/report.json."""
    accepted = {key: reason for key, reason in listed().items() if key[0] in run.sources}
    keys = {m.key for m in run.mutants}
    survivors = {key for key in keys if run.known[key].survived}
    unlisted, stale = survivors - set(accepted), set(accepted) - survivors
    rows = {}
    for file in run.sources:
        here = [run.known[key] for key in keys if key[0] == file]
        if here:
            count = {s: sum(r.status == s for r in here) for s in ("killed", "timeout", "survived", "uncovered")}
            rows[file] = {"mutants": len(here), **count, "listed": sum(key[0] == file for key in accepted)}
    OUT.mkdir(parents=True, exist_ok=True)
    content = {
        "files": rows,
        "unlisted": [list(key) for key in sorted(unlisted)],
        "stale": [list(key) for key in sorted(stale)],
        "listed": [{"key": list(key), "reason": reason} for key, reason in sorted(accepted.items())],
    }
    (OUT / "report.json").write_text(json.dumps(content, indent=1, ensure_ascii=False))
    console = Console(highlight=False, soft_wrap=True)
    for title, some in (("survived", unlisted), ("listed, but no survivor", stale)):
        for file, function, original, mutated, number in sorted(some):
            console.print(f"{title}: {file} {function} #{number}\n    {original}\n    {mutated}", markup=False)
    console.print(f"{'file':28} mutants killed timeout survived of these listed")
    total = [0] * 5
    for file, row in rows.items():
        numbers = [row["mutants"], row["killed"], row["timeout"], row["survived"] + row["uncovered"], row["listed"]]
        total = [a + b for a, b in zip(total, numbers, strict=True)]
        console.print(f"{file:28} {numbers[0]:7} {numbers[1]:6} {numbers[2]:7} {numbers[3]:8} {numbers[4]:15}")
    console.print(f"{'together':28} {total[0]:7} {total[1]:6} {total[2]:7} {total[3]:8} {total[4]:15}")
    return int(bool(unlisted or stale))


def main() -> int:
    """Exit status 1 when a mutant survives unlisted, or a listed one does not."""
    parser = argparse.ArgumentParser(prog="python -m proof.mutation", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", help="parts of paths below vla_core; all of the safety core without any")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--budget", type=float, default=2.0, help="CPU seconds of tests that may look at one mutant")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs found")
    options = parser.parse_args()
    chosen = [
        p for p in CORE if not options.files or any(part in str(p.relative_to(PACKAGE)) for part in options.files)
    ]
    if not chosen:
        parser.error(f"no file of the safety core matches {', '.join(options.files)}")
    sys.path.insert(0, str(PACKAGE))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    OUT.mkdir(parents=True, exist_ok=True)
    judge.deterministic()
    run = Run(chosen, options.jobs, options.budget, options.fresh)
    todo = run.todo()
    # Names of retired mutants go, so that the file does not grow for ever.
    names = {str(path.relative_to(PACKAGE / "vla_core")): path for path in CORE}
    alive = {m.key for name, path in names.items() for m in mutants(path.read_text(), name)}
    run.known = {key: replace(result) for key, result in run.known.items() if key in alive}
    save(run.known)
    late = [m for m in todo if not m.live or run.baseline.runs_at_import(m, run.path(m))]
    live(run, [m for m in todo if m not in late])
    anew(run, late)
    return report(run)


if __name__ == "__main__":
    sys.exit(main())
