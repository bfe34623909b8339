"""Every fault, repeated, on as few starts of the stack as will do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from proof.faults.config import StackConfig
from proof.faults.fault import Fault
from proof.faults.judge import failures
from proof.faults.rig import Rig
from proof.faults.row import Row
from proof.faults.trial import trial
from proof.faults.truth import Truth
from vla_bringup.stack.interrupt import uninterrupted
from vla_core.errors import VlaError

Tell = Callable[[Row, str], None]


class Matrix:
    """rows: in the order of the catalogue, there from the beginning. tell: what happens now, and to which row."""

    def __init__(
        self, config: StackConfig, faults: Sequence[Fault], out: Path, places: Mapping[str, str], tell: Tell
    ) -> None:
        self._config, self._out, self._places, self._tell = config, out, places, tell
        self._faults = list(faults)
        self.rows = [
            Row(fault.name, fault.group, fault.goal(config), skipped=fault.inapplicable(config)) for fault in faults
        ]
        self._truth = Truth(config.truth)
        self._rig: Rig | None = None
        self._taps: tuple[str, ...] = ()
        self._starts = 0

    def run(self, repeat: int) -> None:
        """All of it. A fault whose stack does not start is a row that is not ok, and the next one begins."""
        work = [(fault, row) for fault, row in zip(self._faults, self.rows, strict=True) if not row.skipped]
        work.sort(key=lambda item: item[0].taps_in(self._config))  # the same taps, the same stack
        try:
            for fault, row in work:
                for _ in range(repeat):
                    self._once(fault, row)
        finally:
            self._end()

    def _once(self, fault: Fault, row: Row) -> None:
        def tell(text: str) -> None:
            self._tell(row, text)

        try:
            rig = self._ready(fault, tell)
            facts = trial(rig, self._truth, fault, row.goal, tell)
        except (VlaError, OSError, TimeoutError) as error:
            row.broken.append(str(error).strip().split("\n")[0])
            tell(f"failed: {error}")
            self._end()
            return
        row.facts.append(facts)
        wrong = failures(facts, row.goal)
        if wrong:
            path = self._out / "failed" / f"{fault.name.strip('/').replace(' ', '_')}-{len(row.facts)}.npz"
            rig.log.save(path)
            wrong.append(str(path))
        tell("; ".join(wrong) or "ok")
        if not facts.recovered:
            self._end()

    def _ready(self, fault: Fault, tell: Callable[[str], None]) -> Rig:
        """The running stack if it has the right taps and all its processes, else a new one."""
        taps = fault.taps_in(self._config)
        if self._rig is not None and (taps != self._taps or not all(map(self._rig.processes.alive, self._roles()))):
            self._end()
        if self._rig is None:
            tell("the stack starts")
            self._starts += 1
            self._rig = Rig(self._config, self._out / "logs" / f"stack-{self._starts}", self._places, taps)
            self._taps = taps
        return self._rig

    def _roles(self) -> list[str]:
        return list(self._config.processes)

    def _end(self) -> None:
        rig, self._rig = self._rig, None
        if rig is not None:
            with uninterrupted(), contextlib.suppress(VlaError):
                rig.close()
