from __future__ import annotations

import subprocess
import sys

import pytest

from vla_sim.spec import TASKS, SceneError, require_choice


def test_a_choice_is_returned_or_refused_with_the_list() -> None:
    assert require_choice("task", "pick", TASKS) == "pick"
    with pytest.raises(SceneError, match="task 'Pick' is not one of pick, reach, push_left, push_right"):
        require_choice("task", "Pick", TASKS)


def test_names_of_tasks_and_colours_cost_no_simulator() -> None:
    code = "import sys, vla_sim.spec; print({'mujoco', 'rclpy', 'torch'} & {*sys.modules})"
    path = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=path)
    assert done.stdout.strip() == "set()", done.stderr
