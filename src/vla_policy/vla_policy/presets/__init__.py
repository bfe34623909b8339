"""The named systems as YAML, and their reader. Nothing here needs torch; ``vla_policy.models`` builds them."""

from vla_policy.presets.load import Preset, load_preset, merged, preset_names
from vla_policy.presets.spec import CameraSpec, ModelSpec, PresetError, RobotSpec, TextSpec

__all__ = [
    "load_preset",
    "preset_names",
    "Preset",
    "ModelSpec",
    "RobotSpec",
    "CameraSpec",
    "TextSpec",
    "PresetError",
    "merged",
]
