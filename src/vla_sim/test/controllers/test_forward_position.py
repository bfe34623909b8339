from __future__ import annotations

import math

import numpy as np
import pytest

from vla_sim.controllers import CommandRejectedError, ForwardPositionController


@pytest.fixture
def gripper() -> ForwardPositionController:
    made = ForwardPositionController(["finger_joint1"])
    made.activate(np.array([0.02]))
    return made


def test_holds_until_the_first_command_then_keeps_it(gripper: ForwardPositionController) -> None:
    np.testing.assert_array_equal(gripper.update(), [0.02])
    gripper.command([0.04])
    np.testing.assert_array_equal(gripper.update(), [0.04])
    np.testing.assert_array_equal(gripper.update(), [0.04])


@pytest.mark.parametrize("values", [[], [0.01, 0.02], [math.nan], [math.inf]])
def test_invalid_commands_change_nothing(gripper: ForwardPositionController, values: list[float]) -> None:
    with pytest.raises(CommandRejectedError, match="data"):
        gripper.command(values)
    np.testing.assert_array_equal(gripper.update(), [0.02])


def test_update_before_activation_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="activate"):
        ForwardPositionController(["finger_joint1"]).update()
