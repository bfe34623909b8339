"""Preflight: the contract against the live robot."""

from __future__ import annotations

from vla_core.contract import Contract
from vla_inference.inference.sensors import Sensors


def check_live_robot(contract: Contract, sensors: Sensors) -> None:
    """Nothing yet."""
