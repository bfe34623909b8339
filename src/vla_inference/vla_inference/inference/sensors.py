"""All inputs of the policy: their subscriptions, and the newest that came in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping

from rclpy.node import Node

from vla_inference.inference.camera_input import CameraInput
from vla_inference.inference.clocks import Clocks
from vla_inference.inference.joint_input import JointInput
from vla_inference.inference.parameters import InferenceParameters
from vla_inference.inference.robot_source import RobotDescription
from vla_inference.inference.samples import CameraFrame, JointSample
from vla_inference.monitor.fast_input import FastInput, WithoutExecutor, borrow_clock

# Enough to find frames of two unsynchronized cameras that belong together, and a joint state for them; the frames
# are few because they are big.
_FRAMES = 6
_SAMPLES = 128
_STAMPS = 31


class Sensors:
    """Written by a thread of their own, read by any. ``on_image`` is called after each frame.

    Not by the executor: what it costs a message is more than what a message takes here, and a lifecycle transition
    would stop it.
    """

    def __init__(
        self, node: Node, parameters: InferenceParameters, clocks: Clocks, on_image: Callable[[], None]
    ) -> None:
        self._node = node
        self._clocks = clocks
        self._on_image = on_image
        self._lock = threading.Lock()
        self._frames = {camera.name: deque[CameraFrame](maxlen=_FRAMES) for camera in parameters.cameras}
        self._stamps = {camera.name: deque[int](maxlen=_STAMPS) for camera in parameters.cameras}
        self._joints: deque[JointSample] = deque(maxlen=_SAMPLES)
        group = WithoutExecutor()
        self.robot = RobotDescription(node, parameters.robot_description)
        self.joint_input = JointInput(node, clocks.steady_ns, self._take_joints, group)
        self.cameras = {
            camera.name: CameraInput(node, camera, clocks.steady_ns, self._take_frame, group)
            for camera in parameters.cameras
        }
        clock, self._give_clock_back = borrow_clock(node, group)
        inputs = [self.joint_input.subscription, *(camera.subscription for camera in self.cameras.values()), *clock]
        self._input = FastInput(node, inputs, self._failed)
        self._input.start()

    def frames(self, camera: str, after_ns: int = -1) -> list[CameraFrame]:
        """The newest frames of ``camera`` that came in after ``after_ns`` of the steady clock, in their order."""
        with self._lock:
            return [frame for frame in self._frames[camera] if frame.received_ns > after_ns]

    def joints(self, after_ns: int = -1) -> list[JointSample]:
        """The same for joint states."""
        with self._lock:
            if self._joints and self._joints[-1].received_ns <= after_ns:
                return []
            return [sample for sample in self._joints if sample.received_ns > after_ns]

    def newest_joints(self) -> JointSample | None:
        """The newest joint state."""
        with self._lock:
            return self._joints[-1] if self._joints else None

    def count(self, camera: str) -> int:
        """How many of the last images of ``camera`` are remembered by their stamps."""
        with self._lock:
            return len(self._stamps[camera])

    def newest_frame(self, camera: str) -> CameraFrame | None:
        """The newest frame of ``camera``."""
        with self._lock:
            return self._frames[camera][-1] if self._frames[camera] else None

    def rate_hz(self, camera: str) -> float | None:
        """Images per second by their stamps over the last ones; None with fewer than two."""
        with self._lock:
            stamps = list(self._stamps[camera])
        if len(stamps) < 2 or stamps[-1] <= stamps[0]:
            return None
        return (len(stamps) - 1) / ((stamps[-1] - stamps[0]) * 1e-9)

    def diagnostics(self) -> Mapping[str, str]:
        """Rates and ages, for people."""
        now_ns = self._clocks.steady_ns()
        values = {}
        for name in self.cameras:
            rate = self.rate_hz(name)
            age = _age(self.newest_frame(name), now_ns)
            values[f"camera {name}"] = age if rate is None else f"{age}, {rate:.1f} Hz"
        values["joint states"] = _age(self.newest_joints(), now_ns)
        return values

    def destroy(self) -> None:
        """Leave the topics."""
        self._input.stop()
        self._give_clock_back()
        for camera in self.cameras.values():
            camera.destroy()
        self.joint_input.destroy()
        self.robot.destroy()

    def _failed(self, error: Exception) -> None:
        """A message that cannot be taken is one that has not come: the watchdogs tell when none does."""
        self._node.get_logger().error(f"a sensor's message was not taken: {error!r}", throttle_duration_sec=5.0)

    def _take_frame(self, frame: CameraFrame) -> None:
        with self._lock:
            stamps = self._stamps[frame.name]
            if stamps and frame.stamp_ns < stamps[-1]:
                stamps.clear()  # ROS time jumped back: a rate over the jump means nothing
            stamps.append(frame.stamp_ns)
            self._frames[frame.name].append(frame)
        self._on_image()

    def _take_joints(self, sample: JointSample) -> None:
        with self._lock:
            self._joints.append(sample)


def _age(sample: CameraFrame | JointSample | None, now_ns: int) -> str:
    return "never" if sample is None else f"{(now_ns - sample.received_ns) * 1e-6:.0f} ms ago"
