"""Keep simulated time in step with the steady clock, and tell which periodic work is due. No ROS, no sleeping."""

from __future__ import annotations

from collections import deque

_NS = 1_000_000_000


class Pacer:
    """Says how long to wait before the simulation may go on.

    real_time_factor: simulated seconds per steady second, > 0.
    max_lag_ns: how far behind it may fall [steady ns] before the missed time is given up: catching up without
        bound would make the robot run fast after every hiccup of the machine.
    """

    def __init__(self, real_time_factor: float = 1.0, max_lag_ns: int = 100_000_000) -> None:
        if not real_time_factor > 0.0:
            raise ValueError(f"real_time_factor {real_time_factor} is not positive")
        self._factor = real_time_factor
        self._max_lag_ns = max_lag_ns
        self._anchor: tuple[int, int] | None = None  # (simulated, steady)
        self._history: deque[tuple[int, int]] = deque(maxlen=512)
        self.lost_ns = 0  # steady time given up so far

    def wait_ns(self, sim_ns: int, steady_ns: int) -> int:
        """Steady nanoseconds until simulated time ``sim_ns`` is due; 0 when it is due or late."""
        self._remember(sim_ns, steady_ns)
        if self._anchor is None:
            self._anchor = (sim_ns, steady_ns)
            return 0
        due_ns = self._anchor[1] + round((sim_ns - self._anchor[0]) / self._factor)
        if steady_ns - due_ns > self._max_lag_ns:
            self.lost_ns += steady_ns - due_ns
            self._anchor = (sim_ns, steady_ns)
            return 0
        return max(due_ns - steady_ns, 0)

    def _remember(self, sim_ns: int, steady_ns: int) -> None:
        if not self._history or steady_ns - self._history[-1][1] >= _NS // 50:
            self._history.append((sim_ns, steady_ns))

    def achieved(self, window_ns: int = 2 * _NS) -> float | None:
        """Real-time factor over the last ``window_ns`` of steady time; None until there are two samples."""
        if len(self._history) < 2:
            return None
        end_sim, end_steady = self._history[-1]
        start_sim, start_steady = next(item for item in self._history if end_steady - item[1] <= window_ns)
        if end_steady == start_steady:
            return None
        return (end_sim - start_sim) / (end_steady - start_steady)


class Periodic:
    """Work at a fixed rate of simulated time, on a grid, so that no drift adds up. ``rate_hz`` 0: never."""

    def __init__(self, rate_hz: float) -> None:
        if rate_hz < 0.0:
            raise ValueError(f"rate_hz {rate_hz} is negative")
        self._rate_hz = rate_hz
        self._done = -1  # grid cells served

    def due(self, now_ns: int) -> bool:
        """True once per period: at the first call at or after each point of the grid."""
        if self._rate_hz == 0.0:
            return False
        cell = int(now_ns * 1e-9 * self._rate_hz + 1e-6)
        if cell <= self._done:
            return False
        self._done = cell
        return True
