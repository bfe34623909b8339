"""The state of the simulator for ``/diagnostics``."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from vla_sim.ros.messages import to_time

_SLOW = 0.95  # of the requested factor


def diagnostics(
    *,
    name: str,
    stamp_ns: int,
    requested_factor: float,
    achieved_factor: float | None,
    lost_s: float,
    frames: int,
    frames_dropped: int,
) -> DiagnosticArray:
    """One status: WARN when the simulation is slower than asked for.

    achieved_factor: None while nothing was measured yet. lost_s: steady time given up since the start.
    """
    slow = achieved_factor is not None and achieved_factor < _SLOW * requested_factor
    status = DiagnosticStatus(
        level=DiagnosticStatus.WARN if slow else DiagnosticStatus.OK,
        name=f"{name}: simulation",
        message="slower than the requested real-time factor" if slow else "running",
        values=[
            KeyValue(key="real_time_factor", value="" if achieved_factor is None else f"{achieved_factor:.3f}"),
            KeyValue(key="real_time_factor_requested", value=f"{requested_factor:.3f}"),
            KeyValue(key="time_lost_s", value=f"{lost_s:.3f}"),
            KeyValue(key="frames", value=str(frames)),
            KeyValue(key="frames_dropped", value=str(frames_dropped)),
        ],
    )
    message = DiagnosticArray(status=[status])
    message.header.stamp = to_time(stamp_ns)
    return message
