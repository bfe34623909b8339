"""From a bundle's folder to an engine that has proved itself on the live robot."""

from __future__ import annotations

import itertools
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rclpy.node import Node

from vla_core.contract import Bundle, Contract, load_bundle
from vla_core.errors import PreflightError, RemotePolicyError, VlaError
from vla_core.remote import (
    Deadlines,
    RemotePolicy,
    SupervisedPolicy,
    WorkerCommand,
    WorkerState,
    WorkerSupervisor,
    supervise,
)
from vla_inference.inference.clocks import Clocks
from vla_inference.inference.engine import PolicyEngine
from vla_inference.inference.live_robot import check_live_robot
from vla_inference.inference.make_planner import RobotModel, make_planner, moves_joints
from vla_inference.inference.observer import Observer
from vla_inference.inference.parameters import InferenceParameters, ParameterError
from vla_inference.inference.robot_source import resolve_file
from vla_inference.inference.seen import Starved
from vla_inference.inference.sensors import Sensors

# The first inference of a model is slower than all after it [s].
_WARM_UP_S = 30.0
# Two stamps make a rate, a few make one to rely on.
_IMAGES_FOR_A_RATE = 5
_worker_log = logging.getLogger("policy_worker")

Wait = Callable[[Callable[[], bool]], object]
"""Waits for a condition, not for ever."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A verified bundle whose worker has been started."""

    bundle: Bundle
    supervisor: WorkerSupervisor
    policy: SupervisedPolicy
    endpoint: str

    @property
    def contract(self) -> Contract:
        """Of the bundle."""
        return self.bundle.contract

    def is_settled(self) -> bool:
        """The worker serves, or never will."""
        return self.supervisor.state in (WorkerState.READY, WorkerState.REFUSED)

    def is_refused(self) -> bool:
        """The worker never will serve."""
        return self.supervisor.state is WorkerState.REFUSED


class Loader:
    """Loads policies for one configured node. ``slowness``: see Observer."""

    def __init__(
        self,
        node: Node,
        parameters: InferenceParameters,
        sensors: Sensors,
        clocks: Clocks,
        slowness: Callable[[], float],
    ) -> None:
        self._node = node
        self._parameters = parameters
        self._sensors = sensors
        self._clocks = clocks
        self._slowness = slowness
        # A socket's path may have at most 107 bytes, so a long namespace is cut.
        slug = node.get_fully_qualified_name().strip("/").replace("/", "-")[:40]
        self._folder = Path(tempfile.mkdtemp(prefix=f"vla-{slug}-"))
        self._numbers = itertools.count(1)

    def begin(self, folder: str) -> Candidate:
        """Verify the bundle in ``folder`` and start its worker; returns at once.

        Raises:
            BundleError, ContractError: the bundle is broken.
            PreflightError, ParameterError: this node cannot run it, whatever the robot says.
        """
        if not folder:
            raise ParameterError("bundle is empty; give the folder of a policy bundle")
        bundle = load_bundle(folder)
        self._check_cameras(bundle.contract)
        if moves_joints(bundle.contract):
            self._joint_limits_file()
        python = self._parameters.worker_python
        command = WorkerCommand(
            bundle=bundle.path,
            socket=self._folder / f"worker{next(self._numbers)}.sock",
            python=Path(python).expanduser() if python else Path(sys.executable),
        )
        supervisor = supervise(command, log=_worker_log.info, ready_deadline_s=self._parameters.worker_start_timeout_s)
        deadlines = Deadlines(infer_s=self._parameters.inference_deadline_s)
        remote = RemotePolicy(command.endpoint, contract=bundle.contract, deadlines=deadlines)
        supervisor.start()
        return Candidate(bundle, supervisor, SupervisedPolicy(supervisor, remote), command.endpoint)

    def missing(self, candidate: Candidate) -> list[str]:
        """Which inputs of ``candidate`` have not come in yet."""
        contract = candidate.contract
        missing = [
            f"camera {name}: {self._sensors.count(name)} images received on {self._sensors.cameras[name].topic}"
            for name in contract.camera_names
            if self._sensors.count(name) < _IMAGES_FOR_A_RATE
        ]
        if contract.state and self._sensors.newest_joints() is None:
            missing.append(f"joint states: nothing received on {self._sensors.joint_input.topic}")
        if moves_joints(contract) and self._sensors.robot.urdf is None:
            missing.append("URDF: nothing received on robot_description; publish it, or set the parameter")
        return missing

    def finish(self, candidate: Candidate, deadline_s: float, wait_for: Wait | None = None) -> PolicyEngine:
        """Hold ``candidate`` against the live robot, and let it infer once from live data.

        wait_for: takes messages until its condition holds, for a while: on the thread that would take them, the checks
            have kept them waiting. None: they come by themselves.

        Raises:
            VlaError: it cannot be used; names every difference and its remedy. The worker runs on.
        """
        missing = self.missing(candidate)
        if missing:
            raise PreflightError("the robot is not complete:\n  " + "\n  ".join(missing))
        contract = candidate.contract
        check_live_robot(contract, self._sensors, self._node)
        candidate.policy.connect(deadline_s)
        limits_file = self._joint_limits_file() if moves_joints(contract) else None
        robot = RobotModel(self._sensors.robot.urdf, limits_file, self._parameters.base)
        planner = make_planner(contract, robot, self._sensors.newest_joints)
        topics = {name: camera.topic for name, camera in self._sensors.cameras.items()}
        topics["state"] = self._sensors.joint_input.topic
        observer = Observer(contract, self._sensors, topics, self._slowness)
        self._warm_up(candidate, observer, wait_for or (lambda condition: condition()))
        return PolicyEngine(candidate.bundle, candidate.policy, observer, planner)

    def load(self, folder: str) -> tuple[Candidate, PolicyEngine]:
        """``begin`` and ``finish`` in one, for a robot that is live; blocks.

        Raises:
            VlaError: it cannot be used. Its worker is ended, as after any other error.
        """
        candidate = self.begin(folder)
        try:
            candidate.supervisor.wait_ready(self._parameters.worker_start_timeout_s)
            return candidate, self.finish(candidate, self._parameters.worker_start_timeout_s)
        except Exception:  # a defect, too, must not leave a worker behind
            candidate.policy.close()
            raise

    def close(self) -> None:
        """Remove the sockets' folder, after every worker has ended."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _check_cameras(self, contract: Contract) -> None:
        unknown = [name for name in contract.camera_names if name not in self._sensors.cameras]
        if unknown:
            raise PreflightError(
                f"{contract.policy_id} needs camera {', '.join(unknown)}, this node has "
                f"{', '.join(self._sensors.cameras) or 'none'}; add it to the parameter 'cameras' and set its topic"
            )

    def _joint_limits_file(self) -> Path:
        return resolve_file(self._parameters.joint_limits_file, "joint_limits_file")

    def _warm_up(self, candidate: Candidate, observer: Observer, wait_for: Wait) -> None:
        """One inference with what the robot sees now, on a connection that is patient."""
        seen, starved = None, Starved("never looked")

        def sees() -> bool:
            nonlocal seen, starved
            try:
                seen = observer.see("get ready", self._clocks.ros_ns(), self._clocks.steady_ns())
            except Starved as reason:
                starved = reason
            return seen is not None

        wait_for(sees)
        if seen is None:
            raise PreflightError(f"no observation can be made: {starved}") from starved
        patient = RemotePolicy(candidate.endpoint, contract=candidate.contract, deadlines=Deadlines(infer_s=_WARM_UP_S))
        try:
            patient.connect()
            patient.infer(seen.observation)
        except VlaError as error:
            policy_id = candidate.contract.policy_id
            raise RemotePolicyError(f"{policy_id} cannot infer from what the robot sees: {error}") from error
        finally:
            patient.close()
