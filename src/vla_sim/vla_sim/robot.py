"""The simulated arm: names, home pose and the model files that everything else starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

ASSETS: Final = Path(__file__).parent / "assets"
URDF_PATH: Final = ASSETS / "arm.urdf"
JOINT_LIMITS_PATH: Final = ASSETS / "joint_limits.yaml"

ARM_JOINTS: Final = tuple(f"joint{index}" for index in range(1, 8))
GRIPPER_JOINT: Final = "finger_joint1"
MIMIC_JOINT: Final = "finger_joint2"
TOOL_BODY: Final = "tool0"
WRIST_CAMERA_FRAME: Final = "wrist_camera_optical_frame"

GRIPPER_OPEN_M: Final = 0.04
"""Position of finger_joint1 with the gripper open [m]; the opening between the fingers is twice this."""
GRIPPER_CLOSED_M: Final = 0.0

HOME_Q: NDArray[np.float64] = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
"""(7,) [rad]: the tool looks straight down, 0.31 m in front of the base and 0.49 m above the table."""
HOME_Q.setflags(write=False)


def urdf_text() -> str:
    """The robot description, as it is published."""
    return URDF_PATH.read_text(encoding="utf-8")
