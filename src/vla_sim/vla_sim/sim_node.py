"""The simulator as a ROS 2 node: ``ros2 run vla_sim sim_node`` or ``python -m vla_sim.sim_node``.

The executor, the physics and the pictures have a thread each; what they share goes through queues.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType

# mujoco chooses its GL backend when it is imported.
os.environ.setdefault("MUJOCO_GL", "egl")

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock

from vla_core.errors import VlaError
from vla_sim.ros.arm_interface import ArmInterface
from vla_sim.ros.base_interface import BaseInterface
from vla_sim.ros.clock import SimClock
from vla_sim.ros.diagnostics import diagnostics
from vla_sim.ros.messages import to_time
from vla_sim.ros.pacing import Pacer, Periodic
from vla_sim.ros.parameters import declare_parameters
from vla_sim.ros.physics_loop import PhysicsLoop

_SWITCH_INTERVAL_S = 0.001
_DIAGNOSTICS_PERIOD_NS = 1_000_000_000


class SimNode(Node):
    """Wires the parts together. ``error`` is what ended a thread, if anything did."""

    def __init__(self) -> None:
        # This node makes the clock; listening to it would only cost time.
        no_sim_time = Parameter("use_sim_time", Parameter.Type.BOOL, False)
        super().__init__("sim_node", parameter_overrides=[no_sim_time])
        parameters = declare_parameters(self)
        self.error: BaseException | None = None
        self.ended = threading.Event()
        self._pacer = Pacer(parameters.real_time_factor)
        self._requested_factor = parameters.real_time_factor
        self._clock = SimClock(simulated=parameters.use_sim_clock, pacer=self._pacer)
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._clock_publisher = (
            self.create_publisher(Clock, "/clock", best_effort) if parameters.use_sim_clock else None
        )
        self._clock_due = Periodic(parameters.clock_rate)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", QoSProfile(depth=10))
        self._diagnosed_ns = time.monotonic_ns()
        self._reported_lost_ns = 0
        interface = ArmInterface if parameters.robot == "arm" else BaseInterface
        self._interface: ArmInterface | BaseInterface = interface(self, parameters, self._clock)
        self._physics = PhysicsLoop(
            self._interface.robot, self._pacer, round(parameters.physics_tick_s * 1e9), self._on_tick, self._on_error
        )
        self._render = self._interface.make_render_loop(self._on_error)
        self._interface.connect(self._physics)

    def start(self) -> None:
        """Open the GL context, then let simulated time run."""
        self._render.start()
        self._physics.start()

    def stop(self) -> None:
        """End both threads and write what is to be written. The node can be destroyed after it."""
        self._physics.stop()
        self._render.stop()
        self._interface.close()

    def _on_tick(self, sim_ns: int) -> None:
        if self._clock_publisher is not None and self._clock_due.due(sim_ns):
            self._clock_publisher.publish(Clock(clock=to_time(sim_ns)))
        self._interface.on_tick(sim_ns)
        now_ns = time.monotonic_ns()
        if now_ns - self._diagnosed_ns >= _DIAGNOSTICS_PERIOD_NS:
            self._diagnosed_ns = now_ns
            self._report_lag()
            self._diagnostics.publish(
                diagnostics(
                    name=self.get_fully_qualified_name(),
                    stamp_ns=self._clock.stamp(sim_ns),
                    requested_factor=self._requested_factor,
                    achieved_factor=self._pacer.achieved(),
                    lost_s=self._pacer.lost_ns * 1e-9,
                    frames=self._render.rendered,
                    frames_dropped=self._render.dropped,
                )
            )

    def _report_lag(self) -> None:
        if self._pacer.lost_ns > self._reported_lost_ns:
            lost_s = (self._pacer.lost_ns - self._reported_lost_ns) * 1e-9
            self._reported_lost_ns = self._pacer.lost_ns
            self.get_logger().warning(f"the machine is too busy: simulated time stood still for {lost_s:.2f} s")

    def _on_error(self, error: BaseException) -> None:
        self.error = error
        self.ended.set()


def main(args: list[str] | None = None) -> int:
    """Run until SIGINT, SIGTERM or a failure. Returns the exit status."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)  # else a busy thread keeps the physics waiting for 5 ms
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        return _run(stop)
    except VlaError as error:
        print(f"sim_node: {error}", file=sys.stderr)
        return 2
    finally:
        rclpy.shutdown()


def _run(stop: threading.Event) -> int:
    node = SimNode()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    node.start()
    try:
        while not stop.is_set() and not node.ended.is_set():
            executor.spin_once(timeout_sec=0.1)
    finally:
        node.stop()
        executor.shutdown()
        node.destroy_node()
    if node.error is not None:
        raise node.error
    return 0


if __name__ == "__main__":
    sys.exit(main())
