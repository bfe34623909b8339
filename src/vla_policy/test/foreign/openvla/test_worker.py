"""An imported checkpoint in the worker, as it is really run; and on the arm, by inverse kinematics."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="OpenVLA runs in PyTorch")

from vla_core.contract import Bundle
from vla_core.remote import (
    Backoff,
    Deadlines,
    RemotePolicy,
    SupervisedPolicy,
    WorkerCommand,
    supervise,
)
from vla_core.testing import make_observation_example
from vla_core.testing.examples import GRIPPER_OPEN_M, HOME_RAD
from vla_core.types import JointPlan, read_only
from vla_policy.runtimes import RuntimeSettings, load_policy

pytestmark = pytest.mark.train
PATIENCE_S = 100.0
ASSETS = Path(__file__).parents[4] / "vla_sim" / "vla_sim" / "assets"
SOURCES = [str(Path(__file__).parents[4] / package) for package in ("vla_core", "vla_policy")]


def test_the_worker_answers_as_the_policy_does(imported: Callable[..., Bundle], tmp_path: Path) -> None:
    bundle = imported("proprio", horizon=8, images=2)
    expected = load_policy(bundle, RuntimeSettings(device="cpu"))
    command = WorkerCommand(
        bundle.path,
        tmp_path / "w.sock",
        nice=0,
        device="cpu",
        environment={"PYTHONPATH": os.pathsep.join(SOURCES)},
    )
    supervisor = supervise(command, backoff=Backoff(first_s=0.05), ready_deadline_s=PATIENCE_S)
    policy = SupervisedPolicy(supervisor, RemotePolicy(command.endpoint, deadlines=Deadlines(*[PATIENCE_S] * 3)))
    try:
        supervisor.start()
        policy.connect(PATIENCE_S)
        assert policy.contract == bundle.contract
        seen = make_observation_example(policy.contract, instruction="pick up the red cube")
        chunk = policy.infer(seen)
        np.testing.assert_allclose(chunk.actions, expected.infer(seen).actions, rtol=0, atol=1e-6)
        assert {"preprocess", "model", "decode"} <= set(chunk.timing_ms)
    finally:
        policy.close()


def test_its_deltas_become_joints_of_the_arm(imported: Callable[..., Bundle]) -> None:
    """The tool is where the deltas say, whatever the weights made of them."""
    pytest.importorskip("pinocchio", reason="inverse kinematics needs Pinocchio")
    from vla_core.kinematics import DifferentialIk, EndEffector, RobotKinematics
    from vla_core.kinematics.rotations import rotation_matrix
    from vla_core.limits import load_joint_limits
    from vla_core.resolve import resolve

    policy = load_policy(imported(), RuntimeSettings(device="cpu"))
    contract = policy.contract
    urdf = (ASSETS / "arm.urdf").read_text()
    joints = contract.state_names[:7]
    kinematics = RobotKinematics(urdf, joints)
    limits = load_joint_limits(urdf, ASSETS / "joint_limits.yaml", joints)
    arm = EndEffector(DifferentialIk(kinematics, limits))
    state = read_only([*HOME_RAD, GRIPPER_OPEN_M])
    for seed in range(4):
        seen = dataclasses.replace(make_observation_example(contract, seed=seed), state=state)
        chunk = policy.infer(seen)
        plan = resolve(chunk, contract, state, 0, arm)
        assert isinstance(plan, JointPlan) and plan.joint_names == joints
        delta, pose = chunk.actions[0], kinematics.T_base_link(state[:7], "tool0")
        assert np.abs(delta[:3]).max() > 0.005
        pose[:3, 3] += delta[:3]
        pose[:3, :3] = rotation_matrix(delta[3:6], "euler_xyz") @ pose[:3, :3]
        np.testing.assert_allclose(kinematics.T_base_link(plan.positions[0], "tool0"), pose, atol=2e-4)
