"""What is seen of one condition of the wire, and of a cut."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from proof.faults.record import Sample
from proof.faults.rig import Rig
from proof.faults.truth import Truth
from proof.hosts.net import SecondHost
from vla_bringup.errors import StackError
from vla_bringup.graph.session import EVERY_ONE
from vla_msgs.msg import Latency, SafetyStatus

LOOK_S = 5.0
CUTS_S = (1.5, 4.5)  # shorter and longer than gate.timeout_s, after which inference_node gives a sentence up
BACK_S = 5.0
STILL_S = 0.2


@dataclass(frozen=True, slots=True)
class Condition:
    """Of the wire. delay_s: one way."""

    name: str
    delay_s: float = 0.0
    loss: float = 0.0


CONDITIONS = (
    Condition("0 ms"),
    Condition("20 ms", 0.020),
    Condition("50 ms", 0.050),
    Condition("150 ms", 0.150),
    Condition("1 % lost", 0.0, 0.01),
    Condition("5 % lost", 0.0, 0.05),
)


@dataclass(slots=True)
class Seen:
    """total_ms: camera stamp to command, (p50, p95). counts: gate decisions. mbit_s: to and from the second host."""

    condition: str
    total_ms: tuple[float, float] | None
    plans_per_s: float
    moving: float
    counts: dict[str, int]
    reasons: list[str]
    mbit_s: tuple[float, float]
    excess: float


@dataclass(slots=True)
class Cut:
    """rest_s: from the cut to rest, None: never. back_s: from the link to motion. again: by a new sentence only."""

    lasted_s: float
    rest_s: float | None
    promise_s: float
    ok: bool
    reasons: list[str]
    back_s: float | None
    again: bool
    excess: float


@dataclass(slots=True)
class Ear:
    """Newest status and every latency, with the steady time of receipt [s]."""

    latencies: list[tuple[float, Latency]] = field(default_factory=list)
    statuses: list[tuple[float, SafetyStatus]] = field(default_factory=list)

    def listen(self, rig: Rig) -> None:
        """From now on."""

        def on_latency(message: Latency) -> None:
            self.latencies.append((time.monotonic(), message))

        def on_status(message: SafetyStatus) -> None:
            self.statuses.append((time.monotonic(), message))

        rig.session.subscribe(Latency, "vla/latency", on_latency, EVERY_ONE)
        rig.session.subscribe(SafetyStatus, "vla/safety_status", on_status, EVERY_ONE)

    def reasons(self, since_s: float) -> list[str]:
        """Of every status since then but the plain ones, each once, in their order."""
        told = [f"{status.rule}: {status.reason}" for at, status in self.statuses if at >= since_s and status.rule]
        return list(dict.fromkeys(told))


def look(rig: Rig, ear: Ear, truth: Truth, host: SecondHost, condition: Condition) -> Seen:
    """Motion for a while under one condition."""
    _home(rig, host)
    host.wire(delay_s=condition.delay_s, loss=condition.loss)
    _begin(rig)
    time.sleep(1.0)  # what was on its way under the condition before
    rig.log.clear()
    before, start_s = host.wire(), time.monotonic()
    time.sleep(LOOK_S)
    after, end_s = host.wire(), time.monotonic()
    latencies = [message.total_ms for at, message in ear.latencies if at >= start_s]
    samples = list(rig.log.samples)
    moving = float(np.mean([sample.speed > 0.05 for sample in samples])) if samples else 0.0
    carried = zip(after["sent_bytes"], before["sent_bytes"], strict=True)
    mbit_s = [8e-6 * (new - old) / (end_s - start_s) for new, old in carried]
    percentiles = (float(np.percentile(latencies, 50)), float(np.percentile(latencies, 95))) if latencies else None
    return Seen(
        condition.name,
        percentiles,
        len(latencies) / (end_s - start_s),
        moving,
        _decisions(ear, start_s),
        ear.reasons(start_s),
        (mbit_s[0], mbit_s[1]),
        _excess(rig, truth),
    )


def cut(rig: Rig, ear: Ear, truth: Truth, host: SecondHost, promise_s: float, lasts_s: float) -> Cut:
    """The wire cut in mid-motion, and joined again."""
    _home(rig, host)
    _begin(rig)
    rig.session.wait_for(rig.moving, 20.0)
    rig.log.clear()
    at_s = time.monotonic()
    host.wire(up=False)
    time.sleep(lasts_s)
    rest_s = _rest(rig.log.samples, at_s, rig.config.promises.rest_rad_s)
    joined_s = time.monotonic()
    host.wire(up=True)
    again = False
    moves = rig.session.wait_for(rig.moving, BACK_S)
    if not moves:
        again = True
        try:
            _begin(rig)
            moves = True
        except StackError:
            pass
    back_s = time.monotonic() - joined_s if moves else None
    time.sleep(1.0)
    excess = _excess(rig, truth)
    ok = rest_s is not None and rest_s <= promise_s and excess == 0.0
    return Cut(lasts_s, rest_s, promise_s, ok, ear.reasons(at_s), back_s, again, excess)


def _home(rig: Rig, host: SecondHost) -> None:
    """Every condition begins where the one before began, over a good wire."""
    host.wire(delay_s=0.0, loss=0.0)
    for _ in range(3):
        try:
            if rig.stopped:
                rig.reset()
            rig.end_instruction()
            rig.go_home()
            return
        except StackError as error:
            last = error
    raise last


def _excess(rig: Rig, truth: Truth) -> float:
    """Over a limit, the larger of what the simulator says of itself and what its joint states show; 0: none."""
    return max(rig.log.new_excess, truth.excess(list(rig.log.samples)))


def _begin(rig: Rig) -> None:
    """Armed and moving; a latched stop is reset, for it is the condition that is to be seen."""
    for _ in range(3):
        try:
            if rig.stopped:
                rig.reset()
            rig.move(15.0)
            return
        except StackError as error:
            last = error
    raise last


def _rest(samples: list[Sample], at_s: float, rest_rad_s: float) -> float | None:
    """From ``at_s`` to the first rest that lasts [s]."""
    began: float | None = None
    for sample in samples:
        when = sample.steady_ns * 1e-9
        if when < at_s:
            continue
        if sample.speed > rest_rad_s:
            began = None
        elif began is None:
            began = when
        if began is not None and when - began >= STILL_S:
            return began - at_s
    return None


def _decisions(ear: Ear, since_s: float) -> dict[str, int]:
    """By the gate's own counters, which begin anew with each arming."""
    heard = [status for at, status in ear.statuses if at >= since_s]
    if not heard:
        return {}
    names = ("pass", "slow", "hold", "stop")
    return {name: int(getattr(heard[-1], f"count_{name}") - getattr(heard[0], f"count_{name}")) for name in names}
