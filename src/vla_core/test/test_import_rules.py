"""Who may import whom. Modules are discovered, so that a new one is covered on the day it is written."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2]

# Of vla_sim and vla_policy, the parts that are allowed to use ROS or torch.
SIM_ROS_PARTS = ("vla_sim.sim_node", "vla_sim.ros")
TORCH_PARTS = (
    *(f"vla_policy.{part}" for part in ("training", "models", "data", "cloning", "memory")),
    "vla_policy.foreign.openvla.network",
)


def modules_of(package: str) -> dict[str, Path]:
    """Module name -> file, for every module of ``package``."""
    root = SRC / package / package
    names = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports_of(name: str, path: Path) -> set[str]:
    """Every absolute module name that ``path`` imports anywhere, also inside functions."""
    found: set[str] = set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package.split(".")[: len(package.split(".")) - (node.level - 1)]
                base = ".".join([*anchor, *([base] if base else [])])
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def within(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(root + ".") for root in roots)


def import_all_blocked(names: list[str], blocked: list[str], tmp_path: Path) -> None:
    """Import each of ``names`` in one fresh interpreter in which ``blocked`` cannot be imported."""
    names = [name for name in names if not name.endswith(".__main__")]  # importing one runs its program
    script = tmp_path / "importer.py"
    script.write_text(
        "import importlib, json, sys, traceback\n"
        "names, blocked, paths = json.loads(sys.argv[1])\n"
        "sys.path[:0] = paths\n"
        "for name in blocked: sys.modules[name] = None\n"
        "failed = {}\n"
        "for name in names:\n"
        "    try: importlib.import_module(name)\n"
        "    except Exception: failed[name] = traceback.format_exc(limit=-2)\n"
        "print('RESULT' + json.dumps(failed))\n"
    )
    paths = [str(SRC / package) for package in ("vla_core", "vla_policy", "vla_sim")]
    command = [sys.executable, str(script), json.dumps([names, blocked, paths])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    failed = json.loads(done.stdout.rpartition("RESULT")[2])
    assert not failed, "\n".join(f"{name}:\n{why}" for name, why in failed.items())


def test_every_core_module_imports_without_ros_torch_and_mujoco(tmp_path: Path) -> None:
    import_all_blocked(list(modules_of("vla_core")), ["rclpy", "vla_msgs", "torch", "mujoco"], tmp_path)


def test_every_policy_module_imports_without_ros(tmp_path: Path) -> None:
    names = [name for name in modules_of("vla_policy") if not within(name, TORCH_PARTS)]
    import_all_blocked(names, ["rclpy", "vla_msgs", "torch"], tmp_path)


def test_the_simulation_imports_without_ros(tmp_path: Path) -> None:
    names = [name for name in modules_of("vla_sim") if not within(name, SIM_ROS_PARTS)]
    import_all_blocked(names, ["rclpy", "vla_msgs", "torch"], tmp_path)


def test_the_scan_sees_relative_and_nested_imports(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("from ..chunking import splice\ndef f():\n    import torch.nn\n")
    assert {"vla_core.chunking", "torch.nn"} <= imports_of("vla_core.safety.module", path)


FORBIDDEN = [
    ("vla_core", ("rclpy", "torch", "mujoco", "vla_msgs", "vla_policy", "vla_sim", "vla_inference", "vla_bringup")),
    ("vla_policy", ("rclpy", "vla_msgs", "vla_inference", "vla_bringup", *SIM_ROS_PARTS)),
    ("vla_sim", ("torch", "vla_policy", "vla_inference", "vla_bringup")),
    ("vla_inference", ("torch", "transformers", "onnxruntime", "mujoco", "vla_policy", "vla_sim", "vla_bringup")),
    ("vla_bringup", ("torch", "transformers", "onnxruntime")),
]


@pytest.mark.parametrize(("package", "forbidden"), FORBIDDEN, ids=[package for package, _ in FORBIDDEN])
def test_no_module_imports_what_its_package_must_not(package: str, forbidden: tuple[str, ...]) -> None:
    guilty = {
        name: sorted(imported for imported in imports_of(name, path) if within(imported, forbidden))
        for name, path in modules_of(package).items()
    }
    assert not {name: found for name, found in guilty.items() if found}


def test_safety_imports_nothing_of_the_planner_side() -> None:
    planner = tuple(
        f"vla_core.{part}"
        for part in ("chunking", "contract", "policies", "policy", "remote", "resolve", "tokenizers", "normalization")
    )
    planner += ("vla_inference.inference", "vla_inference.inference_node")
    gate = ("vla_core.safety", "vla_inference.monitor", "vla_inference.safety_monitor")
    every = modules_of("vla_core") | modules_of("vla_inference")
    modules = {name: path for name, path in every.items() if within(name, gate)}
    assert {name.rpartition(".")[0] for name in modules} > {"vla_core.safety", "vla_inference.monitor"}
    guilty = {
        name: sorted(imported for imported in imports_of(name, path) if within(imported, planner))
        for name, path in modules.items()
    }
    assert not {name: found for name, found in guilty.items() if found}


def test_torch_stays_where_it_belongs() -> None:
    guilty = [
        name
        for name, path in modules_of("vla_policy").items()
        if not within(name, TORCH_PARTS) and any(within(i, ("torch",)) for i in imports_of(name, path))
    ]
    assert not guilty
