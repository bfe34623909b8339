"""From camera stamp to robot command, for the first command of each chunk."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from vla_core.safety.clock import Now
from vla_inference.monitor.convert import nanoseconds, to_time
from vla_msgs.msg import ActionChunk, Latency, Percentiles

WINDOW = 1000
PENDING = 8  # chunks of which only one of the two times is known yet
STAGES = ("sync", "inference", "gate", "total")


@dataclass(frozen=True, slots=True)
class _Decision:
    chunk: ActionChunk
    received: Now
    decided: Now


@dataclass(slots=True)
class LatencyLog:
    """Collects the times on the fast threads, makes messages of them on the reporter's."""

    _decisions: dict[int, _Decision] = field(default_factory=dict)
    _published: deque[tuple[int, Now]] = field(default_factory=lambda: deque(maxlen=PENDING))
    _windows: dict[str, deque[float]] = field(default_factory=lambda: {s: deque(maxlen=WINDOW) for s in STAGES})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def decided(self, chunk: ActionChunk, received: Now, decided: Now) -> None:
        """The gate has judged ``chunk``."""
        with self._lock:
            self._decisions[int(chunk.chunk_id)] = _Decision(chunk, received, decided)
            while len(self._decisions) > PENDING:
                self._decisions.pop(next(iter(self._decisions)))

    def published(self, chunk_id: int, now: Now) -> None:
        """The first command of ``chunk_id`` has left."""
        with self._lock:
            self._published.append((chunk_id, now))

    def messages(self) -> list[Latency]:
        """One for each chunk whose first command has left and whose decision is known."""
        with self._lock:
            # The stream may publish a plan before the thread that has judged it gets to say so.
            ready = [entry for entry in self._published if entry[0] in self._decisions]
            for entry in ready:
                self._published.remove(entry)
            pairs = [(self._decisions.pop(chunk_id), now) for chunk_id, now in ready]
        return [self._message(decision, now) for decision, now in pairs]

    def _message(self, decision: _Decision, published: Now) -> Latency:
        chunk = decision.chunk
        stamp, start = nanoseconds(chunk.header.stamp), nanoseconds(chunk.inference_start)
        end = nanoseconds(chunk.inference_end)
        validation = (decision.decided.steady_ns - decision.received.steady_ns) * 1e-6
        spans = {
            "sync": (start - stamp) * 1e-6,
            "inference": float(chunk.inference_ms),
            "gate": (published.ros_ns - end) * 1e-6,
            "total": (published.ros_ns - stamp) * 1e-6,
        }
        message = Latency(chunk_id=chunk.chunk_id, instruction_id=chunk.instruction_id)
        message.header.stamp = message.command_published = to_time(published.ros_ns)
        message.camera_stamp = chunk.header.stamp
        message.inference_start, message.inference_end = chunk.inference_start, chunk.inference_end
        message.chunk_received = to_time(decision.received.ros_ns)
        message.gate_decided = to_time(decision.decided.ros_ns)
        message.validation_ms = validation
        for stage, value in spans.items():
            self._windows[stage].append(value)
            setattr(message, f"{stage}_ms", value)
            setattr(message, stage, _percentiles(self._windows[stage]))
        message.window = len(self._windows["total"])
        return message


def _percentiles(window: deque[float]) -> Percentiles:
    p50, p95, p99 = np.percentile(np.fromiter(window, dtype=np.float64), (50, 95, 99)).tolist()
    return Percentiles(p50=p50, p95=p95, p99=p99)
