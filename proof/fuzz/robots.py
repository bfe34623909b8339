"""The gates of the shipped robots, configured as the monitor node configures them, and the files the oracle reads."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from proof.fuzz.base_oracle import BaseLimits
from proof.fuzz.ground_truth import GroundTruth
from proof.fuzz.limits import Limits, read_limits
from proof.fuzz.polynomials import FloatArray
from vla_core.safety.config import GateConfig
from vla_core.safety.twist_config import TwistConfig
from vla_inference.monitor.base_driver import twist_config
from vla_inference.monitor.parameters import SPECS
from vla_inference.monitor.robot_model import gate_config

AXES = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")
# Whether the shipped configuration says where the arm may be: until it does, contacts are counted, not judged.
COLLISIONS_FAIL = "workspace_file" in SPECS
ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "src" / "vla_bringup" / "config"
URDF = ROOT / "src" / "vla_sim" / "vla_sim" / "assets" / "arm.urdf"
JOINT_LIMITS = ROOT / "src" / "vla_sim" / "vla_sim" / "assets" / "joint_limits.yaml"


def parameters(file: str, **changes: Any) -> dict[str, Any]:
    """What the monitor reads from ``file``, defaults where it says nothing; in real time."""
    stated = yaml.safe_load((CONFIG / file).read_text())["/**/safety_monitor"]["ros__parameters"]
    return {name: spec.default for name, spec in SPECS.items()} | stated | {"use_sim_time": False} | changes


@cache
def arm() -> GateConfig:
    """The gate of the tabletop arm, told that its controller may let it sag: here it does."""
    return gate_config(URDF.read_text(), parameters("tabletop.yaml", max_hold_error=SPECS["max_hold_error"].default))


@cache
def base() -> TwistConfig:
    """The gate of the planar base."""
    return twist_config(parameters("safety_monitor_base.yaml"))


@cache
def arm_limits() -> tuple[Limits, Limits]:
    """Of the arm's joints and of its gripper, as the oracle reads them."""
    stated = parameters("tabletop.yaml")
    urdf, joint_limits = URDF.read_text(), JOINT_LIMITS.read_text()
    return (
        read_limits(urdf, joint_limits, tuple(stated["joints"])),
        read_limits(urdf, joint_limits, (stated["gripper_joint"],)),
    )


@cache
def truth() -> GroundTruth:
    """The arm in MuJoCo."""
    return GroundTruth(URDF.read_text(), arm_limits()[0])


@cache
def base_limits() -> BaseLimits:
    """Of the base, as its configuration states them."""
    values = parameters("safety_monitor_base.yaml")

    def pair(name: str) -> FloatArray:
        return np.array([values[f"max_linear{name}"], values[f"max_angular{name}"]], dtype=np.float64)

    axes = [axis in values["twist_axes"] for axis in AXES]
    return BaseLimits(pair(""), pair("_acceleration"), pair("_jerk"), np.array(axes))
