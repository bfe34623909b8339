"""What the stack consists of, as data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory

from vla_bringup.errors import StackError

PYTHON_VARIABLE = "VLA_POLICY_PYTHON"
"""Environment variable: Python of the policy environment."""
Parameter = str | float | int | bool


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node as one process. ``ready_service``: for nodes without a lifecycle, the service that shows it is up."""

    name: str
    package: str
    executable: str
    lifecycle: bool = False
    ready_service: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def command(self, namespace: str, params_file: Path) -> list[str]:
        """The command line that starts it."""
        arguments = [str(executable_path(self.package, self.executable)), "--ros-args"]
        arguments += ["-r", f"__node:={self.name}"]
        if namespace:
            # With a clock of its own: two simulations must not set each other's time.
            arguments += ["-r", f"__ns:=/{namespace.strip('/')}", "-r", "/clock:=clock"]
        arguments += ["--params-file", str(params_file)]
        for key, value in self.parameters.items():
            # YAML, so that a text that looks like a number stays a text.
            arguments += ["-p", f"{key}:={yaml.safe_dump(value, default_flow_style=True).split(chr(10))[0]}"]
        return arguments


def tabletop_stack(bundle: Path, state_log: Path | None = None, seed: int = 0) -> tuple[NodeSpec, ...]:
    """The simulated arm on the table: simulator, gate, planner (which spawns the policy worker).

    The worker runs in the policy environment where ``VLA_POLICY_PYTHON`` names one.
    """
    simulator: dict[str, Parameter] = {"seed": seed}
    planner: dict[str, Parameter] = {"bundle": str(bundle)}
    if python := os.environ.get(PYTHON_VARIABLE):
        planner["worker_python"] = python
    if state_log is not None:
        simulator["state_log"] = str(state_log)
    return (
        NodeSpec("sim_node", "vla_sim", "sim_node", ready_service="sim/reset_scene", parameters=simulator),
        NodeSpec("safety_monitor", "vla_inference", "safety_monitor", lifecycle=True),
        NodeSpec("inference_node", "vla_inference", "inference_node", lifecycle=True, parameters=planner),
    )


def executable_path(package: str, executable: str) -> Path:
    """Where colcon put a node's program. StackError with the remedy when it is not there."""
    try:
        path = Path(get_package_prefix(package)) / "lib" / package / executable
    except PackageNotFoundError as error:
        raise StackError(f"package {package} is not installed; run `make setup`, then source scripts/env.sh") from error
    if not path.is_file():
        raise StackError(f"{path} does not exist; run `make setup`")
    return path


def share(package: str) -> Path:
    """The share folder of an installed package."""
    try:
        return Path(get_package_share_directory(package))
    except PackageNotFoundError as error:
        raise StackError(f"package {package} is not installed; run `make setup`, then source scripts/env.sh") from error


def default_bundle() -> Path:
    """The shipped policy. StackError when this checkout has none."""
    bundle = share("vla_policy") / "policies" / "tabletop"
    if not (bundle / "policy.yaml").is_file():
        raise StackError(
            f"there is no policy bundle in {bundle}; run `make train`, then `make setup`, or name one: --bundle"
        )
    return bundle


def tabletop_params() -> Path:
    """Parameters of all nodes for the simulated arm."""
    return share("vla_bringup") / "config" / "tabletop.yaml"
