"""The simulated arm behind its controllers, as the physics thread drives it. No ROS."""

from __future__ import annotations

from collections.abc import Sequence

from vla_core.types import FloatArray
from vla_sim.controllers import (
    ForwardPositionController,
    JointTrajectoryController,
    TrajectoryCommand,
    TrajectoryOptions,
)
from vla_sim.controllers.splines import Knot
from vla_sim.robot import ARM_JOINTS, GRIPPER_JOINT, MIMIC_JOINT
from vla_sim.ros.clock import SimClock
from vla_sim.simulation import TabletopSim

JOINT_NAMES = (*ARM_JOINTS, GRIPPER_JOINT, MIMIC_JOINT)


class ArmRobot:
    """A TabletopSim commanded by a joint trajectory controller or a forward position controller, and a gripper.

    sim: the simulation, its scene set. clock: what the stamps of commands are compared with.
    forward_position: which of the two controllers has the arm.
    """

    def __init__(
        self, sim: TabletopSim, clock: SimClock, options: TrajectoryOptions, *, forward_position: bool = False
    ) -> None:
        self.sim = sim
        self._clock = clock
        self._step_ns = round(sim.timestep_s * 1e9)
        self._steps = 0
        self._measured_start = not options.interpolate_from_desired_state
        self.trajectory = JointTrajectoryController(ARM_JOINTS, options)
        self.forward = ForwardPositionController(ARM_JOINTS) if forward_position else None
        self.gripper = ForwardPositionController([GRIPPER_JOINT])
        positions = sim.joint_positions()
        self.trajectory.activate(positions[:7], clock.stamp(0))
        if self.forward is not None:
            self.forward.activate(positions[:7])
        self.gripper.activate(positions[7:8])

    @property
    def now_ns(self) -> int:
        """Simulated time since construction."""
        return self._steps * self._step_ns

    def advance(self, until_ns: int) -> None:
        """Simulate until ``now_ns`` is at least ``until_ns``; the controllers are updated before each physics step."""
        gripper_m = float(self.gripper.update()[0])
        while self.now_ns < until_ns:
            self._set_targets(gripper_m)
            self.sim.step()
            self._steps += 1

    def _set_targets(self, gripper_m: float) -> None:
        if self.forward is not None:
            self.sim.set_targets(self.forward.update(), gripper_m)
            return
        desired = self.trajectory.update(self._clock.stamp(self.now_ns), self._measured())
        self.sim.set_targets(desired.positions, gripper_m, desired.velocities)

    def _measured(self) -> Knot | None:
        if not self._measured_start:
            return None
        return Knot(self.sim.joint_positions()[:7], self.sim.joint_velocities()[:7])

    def command_trajectory(self, command: TrajectoryCommand) -> None:
        """A message on ``arm_controller/joint_trajectory``. Raises CommandRejectedError."""
        self.trajectory.command(command, self._clock.stamp(self.now_ns))

    def command_positions(self, positions: Sequence[float]) -> None:
        """A message on ``arm_controller/commands``. Raises CommandRejectedError."""
        if self.forward is None:
            raise ValueError("the arm has no forward position controller")
        self.forward.command(positions)

    def command_gripper(self, positions: Sequence[float]) -> None:
        """A message on ``gripper_controller/commands``. Raises CommandRejectedError."""
        self.gripper.command(positions)

    def joint_state(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Measured positions, velocities and efforts (9,) in the order of JOINT_NAMES."""
        return self.sim.joint_positions(), self.sim.joint_velocities(), self.sim.joint_efforts()
