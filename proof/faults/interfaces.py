"""Message types and qualities of service by name."""

from __future__ import annotations

import importlib
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from proof.faults.config import FaultsConfigError


def message_type(name: str) -> Any:
    """The class of "<package>/msg/<Type>". FaultsConfigError when there is none."""
    try:
        package, folder, kind = name.split("/")
        return getattr(importlib.import_module(f"{package}.{folder}"), kind)
    except (ValueError, ImportError, AttributeError) as error:
        raise FaultsConfigError(
            f"type: {name!r} is not known here ({error}); write it as sensor_msgs/msg/JointState, and source the "
            "workspace that has it"
        ) from error


def profile(qos: str) -> QoSProfile:
    """sensor: best effort. reliable: volatile. latched: the newest for those who come late."""
    if qos == "sensor":
        return QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    if qos == "latched":
        return QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    return QoSProfile(depth=1)


def field_of(message: Any, path: str) -> Any:
    """The field at a dotted path; the message itself when it is empty."""
    for name in filter(None, path.split(".")):
        message = getattr(message, name)
    return message


def fill(kind: Any, values: Any) -> Any:
    """A message of plain values, nested as YAML has them."""
    message = kind()
    for name, value in values.items():
        old = getattr(message, name)
        setattr(message, name, fill(type(old), value) if isinstance(value, dict) else value)
    return message
