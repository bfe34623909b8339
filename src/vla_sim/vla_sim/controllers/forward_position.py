"""A forward_command_controller on position interfaces (topic ``~/commands``, std_msgs/Float64MultiArray).

As in ros2_controllers 4.x (Jazzy): the newest command is passed on as it is and stays in force for ever, no
timeout, no interpolation; a command of another length is refused. Non-finite values are refused too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vla_sim.controllers.errors import CommandRejectedError
from vla_sim.controllers.splines import FloatArray


class ForwardPositionController:
    """joint_names: the commanded joints; every array is in this order, [rad] or [m] by joint type."""

    def __init__(self, joint_names: Sequence[str]) -> None:
        self.joint_names = tuple(joint_names)
        self._command: FloatArray | None = None

    def activate(self, positions: FloatArray) -> None:
        """Hold ``positions`` (J,) until a command comes."""
        hold = np.array(positions, dtype=np.float64)
        if hold.shape != (len(self.joint_names),):
            raise ValueError(f"positions have shape {hold.shape}, the controller has {len(self.joint_names)} joints")
        self._command = hold

    def command(self, values: Sequence[float]) -> None:
        """Go to ``values`` (J,). Raises CommandRejectedError and changes nothing if they are invalid."""
        array = np.array(values, dtype=np.float64)
        if array.shape != (len(self.joint_names),):
            raise CommandRejectedError(
                f"data: {array.size} values, the controller has {len(self.joint_names)}: {', '.join(self.joint_names)}"
            )
        if not np.isfinite(array).all():
            raise CommandRejectedError(f"data: {array.tolist()} has a value that is not a finite number")
        self._command = array

    def update(self) -> FloatArray:
        """The positions (J,) in force."""
        if self._command is None:
            raise ValueError("the controller is not active; call activate() first")
        return self._command
