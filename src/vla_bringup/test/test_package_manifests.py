"""Each package.xml names what its package imports, so that rosdep and colcon get it right on a full ROS 2."""

import ast
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2]
PACKAGES = ("vla_core", "vla_policy", "vla_inference", "vla_sim", "vla_bringup")

# Import name -> rosdep key, for what a distribution packages. What only pip has is in docs/full_ros.md.
KEYS = {
    "cv2": "python3-opencv",
    "msgpack": "python3-msgpack",
    "numpy": "python3-numpy",
    "pinocchio": "pinocchio",
    "coal": "coal",
    "rich": "python3-rich",
    "typer": "python3-typer",
    "websockets": "python3-websockets",
    "yaml": "python3-yaml",
}
FROM_PIP = {"mujoco", "mink", "daqp", "ruckig", "onnxruntime", "tokenizers", "gymnasium", "imageio_ffmpeg"}
ROS = {"rclpy", "ament_index_python", "launch", "launch_ros"}
# Used where it is found, said to be missing where it is not.
OPTIONAL = {"tf2_msgs", "cv_bridge", "controller_manager_msgs"}


def imported(package: str) -> set[str]:
    """Top-level names that the package's modules import, those for training excepted."""
    names: set[str] = set()
    for path in (SRC / package / package).rglob("*.py"):
        if "training" in path.parts or "testing" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
    return names - {package}


def declared(package: str) -> set[str]:
    root = ET.parse(SRC / package / "package.xml").getroot()
    return {element.text or "" for tag in ("depend", "exec_depend") for element in root.iter(tag)}


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_imported_is_declared(package: str) -> None:
    needed = set()
    for name in imported(package) - OPTIONAL:
        if name in KEYS:
            needed.add(KEYS[name])
        elif name in ROS or name.endswith(("_msgs", "_interfaces")) or name in PACKAGES or name == "std_srvs":
            needed.add(name)
    assert needed <= declared(package), f"missing in {package}/package.xml: {sorted(needed - declared(package))}"


def test_what_only_pip_has_is_in_the_instructions() -> None:
    text = (SRC.parent / "docs" / "full_ros.md").read_text()
    used = set().union(*(imported(package) for package in PACKAGES)) & FROM_PIP
    assert {name.replace("_", "-") for name in used} <= set(text.split())
