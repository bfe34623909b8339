"""A policy bundle that never stops moving, so that the arm is in motion whenever a fault strikes."""

from __future__ import annotations

import shutil
from pathlib import Path

from vla_core.contract import write_bundle
from vla_core.testing import make_contract_mapping

AMPLITUDES_RAD = (0.45, 0.12, 0.25, 0.12, 0.35, 0.25, 0.50)
FREQUENCY_HZ = 0.4


def write_wave_bundle(folder: Path) -> Path:
    """Every joint on a sine about where the arm stands, at most 1.26 rad/s; served by a real worker process."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mock = {"behaviour": "sinusoid", "values": [*AMPLITUDES_RAD, 0.0], "frequency_hz": FREQUENCY_HZ}
    mapping = make_contract_mapping(name="wave", mock=mock)
    action = mapping["action"]
    assert isinstance(action, dict)
    action["kind"] = "absolute"
    write_bundle(folder, mapping)
    return folder
