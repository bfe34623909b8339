"""``ros2 run vla_inference safety_monitor`` or ``python -m vla_inference.safety_monitor``."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_library, "1")  # before numpy: small matrices, and the other core is the simulator's

import rclpy  # noqa: E402
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor  # noqa: E402
from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402
from rclpy.signals import SignalHandlerOptions  # noqa: E402

from vla_inference.monitor.node import SafetyMonitor  # noqa: E402

SWITCH_INTERVAL_S = 0.0005  # a thread that computes must not keep the streaming thread waiting


def main(args: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; the arm is brought to rest before anything is shut down."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    asked: list[int] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt  # the second one does not wait
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        node = SafetyMonitor()
    except Exception as error:  # a parameter of the wrong type or out of its range
        rclpy.logging.get_logger("safety_monitor").fatal(f"cannot start: {error}")
        rclpy.try_shutdown()
        return 1
    _prioritize(node)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    started = not node.get_parameter("autostart").value or _start(node)
    gc.freeze()
    try:
        while started and not asked:
            executor.spin_once(timeout_sec=0.2)
    except ExternalShutdownException:
        pass
    rested = node.finish()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0 if rested and started else 1


def _start(node: SafetyMonitor) -> bool:
    """Configure, then activate; False when that is refused, with the reason in the log."""
    return all(step() == TransitionCallbackReturn.SUCCESS for step in (node.trigger_configure, node.trigger_activate))


def _prioritize(node: SafetyMonitor) -> None:
    """Prefer this process to others where the system allows it; the threads that it starts inherit."""
    priority, nice = (int(node.get_parameter(name).value) for name in ("realtime_priority", "nice"))
    try:
        if priority:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
            return
    except OSError:
        node.get_logger().info(f"real-time priority {priority} is not allowed here (limits.conf: rtprio); using nice")
    try:
        if nice:
            os.setpriority(os.PRIO_PROCESS, 0, nice)
    except OSError:
        node.get_logger().info(f"niceness {nice} is not allowed here (limits.conf: nice); going on without")


if __name__ == "__main__":
    sys.exit(main())
