"""Runs tests against mutants inside processes that are forked when everything is already imported."""

from __future__ import annotations

import gc
import importlib.machinery
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType

import coverage
import hypothesis
import pytest
from _pytest.runner import runtestprotocol

from proof.mutation.operators import Mutant

SLOWEST_TEST_S = 0.6  # [CPU s], slower tests judge no mutants: what only they would find counts as a survivor
PATIENCE = 10.0  # a test that takes so many times its usual CPU time hangs
SHORTEST_PATIENCE_S = 1.0
MEMORY_BYTES = 4 << 30  # a mutant may ask for absurd arrays


def deterministic() -> None:
    """The same examples each time, and none spent on shrinking."""
    hypothesis.settings.register_profile(
        "mutation",
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile("mutation")


def arguments(tests: Sequence[str]) -> list[str]:
    """Command line of pytest: no output, no cache, no timeout by the wall clock of a busy machine.

    The stories of test_properties.py take too long to judge thousands of mutants; they stay out from the beginning.
    """
    silent = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:terminalreporter", "--timeout=0", "-x"]
    return [*tests, *silent, "--ignore-glob=*/test_properties.py"]


@dataclass(frozen=True)
class Baseline:
    """seconds: test -> CPU time. covered: file -> line -> tests that run it. imported: file -> lines run by imports."""

    seconds: dict[str, float]
    covered: dict[str, dict[int, list[str]]]
    imported: dict[str, set[int]]

    def runs_at_import(self, mutant: Mutant, path: str) -> bool:
        """Whether the statement is reached while modules are imported, and by no test afterwards."""
        lines = self.covered.get(path, {})
        return not any(lines.get(line) for line in mutant.lines) and not self.imported.get(path, set()).isdisjoint(
            mutant.lines
        )

    def tests(self, mutant: Mutant, path: str, first: Sequence[str], budget_s: float) -> list[str]:
        """Those that run the mutant's statement, quick ones first, as many as fit into the budget."""
        lines = self.covered.get(path, {})
        wanted = lines if not mutant.live or self.runs_at_import(mutant, path) else mutant.lines
        names = {name for line in wanted for name in lines.get(line, ()) if self.seconds[name] <= SLOWEST_TEST_S}
        rank = {name: place for place, name in enumerate(first)}
        chosen, spent = [], 0.0
        for name in sorted(names, key=lambda name: (rank.get(name, len(rank)), self.seconds[name], name)):
            spent += self.seconds[name]
            if chosen and spent > budget_s:
                break
            chosen.append(name)
        return chosen


class Measure:
    """A pytest plugin: CPU time and covered lines of every test."""

    def __init__(self, folder: str) -> None:
        self._coverage = coverage.Coverage(data_file=None, include=[f"{folder}/*"], config_file=False)
        self._coverage.start()
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        begun = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - begun
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def baseline(self) -> Baseline:
        """After the run."""
        self._coverage.stop()
        data = self._coverage.get_data()
        covered, imported = {}, {}
        for path in data.measured_files():
            lines = {line: [c for c in contexts if c] for line, contexts in data.contexts_by_lineno(path).items()}
            covered[path] = {line: names for line, names in lines.items() if names}
            imported[path] = set(lines) - set(covered[path])
        return Baseline(self.seconds, covered, imported)


class Hand:
    """A pytest plugin that hands the collected tests over instead of running them."""

    def __init__(self, work: Callable[[dict[str, pytest.Item]], None]) -> None:
        self._work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._work({item.nodeid: item for item in session.items})
        return True


def functions(folder: str) -> dict[tuple[str, str], list[FunctionType]]:
    """(file, qualified name) -> the live functions of code under ``folder``."""
    found: dict[tuple[str, str], list[FunctionType]] = {}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(folder):
            found.setdefault((thing.__code__.co_filename, thing.__code__.co_qualname), []).append(thing)
    return found


def code_of(module: CodeType, qualname: str) -> CodeType:
    """The code of one function inside a module's."""
    todo = [module]
    while todo:
        code = todo.pop()
        if code.co_qualname == qualname:
            return code
        todo += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    raise KeyError(qualname)


def first_failure(items: Iterable[pytest.Item], seconds: dict[str, float]) -> str:
    """The first test that fails, "" when none does. A test that hangs ends the process with SIGPROF."""
    for item in items:
        patience = max(SHORTEST_PATIENCE_S, PATIENCE * seconds[item.nodeid])
        signal.setitimer(signal.ITIMER_PROF, patience)
        if any(report.failed for report in runtestprotocol(item, log=False)):
            return item.nodeid
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    return ""


def quiet() -> None:
    """In a forked child: no output, bounded memory."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.unraisablehook = lambda _: None


def import_mutated(path: str, code: CodeType) -> None:
    """From now on importing the file ``path`` runs ``code``."""
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, name: str) -> CodeType | None:
        return code if os.path.realpath(self.path) == path else original(self, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign,assignment]
