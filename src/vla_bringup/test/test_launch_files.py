import ast
from pathlib import Path

import pytest
import yaml

PACKAGE = Path(__file__).resolve().parents[1]
LAUNCH_FILES = sorted((PACKAGE / "launch").glob("*.launch.py"))


def called(tree: ast.AST, name: str) -> list[ast.Call]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name]


def keyword(call: ast.Call, name: str) -> str:
    return next(ast.literal_eval(k.value) for k in call.keywords if k.arg == name)


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_launch_files_start_programs_that_exist(path: Path) -> None:
    tree = ast.parse(path.read_text())
    nodes = [node for kind in ("Node", "LifecycleNode", "SimulatedRobot") for node in called(tree, kind)]
    assert nodes or "vla_policy.worker" in path.read_text()
    for node in nodes:
        setup = (PACKAGE.parent / keyword(node, "package") / "setup.py").read_text()
        assert f'"{keyword(node, "executable")} = ' in setup


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_every_argument_is_described_once_and_used(path: Path) -> None:
    text = path.read_text()
    arguments = called(ast.parse(text), "DeclareLaunchArgument")
    names = [ast.literal_eval(argument.args[0]) for argument in arguments]
    assert len(set(names)) == len(names) > 0
    for argument, name in zip(arguments, names, strict=True):
        assert len(keyword(argument, "description")) > 10
        assert text.count(f'"{name}"') > 1, f"{name} is declared, but nothing asks for it"


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_launch_files_load_where_launch_is_installed(path: Path) -> None:
    pytest.importorskip("launch_ros", reason="launch is part of a full ROS 2 installation")
    namespace: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    namespace["generate_launch_description"]()  # type: ignore[operator]


def node_parameters(content: dict, path: str = "") -> dict[str, dict]:
    """Node name pattern -> its parameters; namespaces may be nested or joined by slashes."""
    if "ros__parameters" in content:
        return {path: content["ros__parameters"]}
    found: dict[str, dict] = {}
    for key, value in content.items():
        found.update(node_parameters(value, f"{path}/{key}".replace("//", "/")))
    return found


@pytest.mark.parametrize("path", sorted((PACKAGE / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_parameter_files_have_the_form_of_ros(path: Path) -> None:
    found = node_parameters(yaml.safe_load(path.read_text()))
    assert found
    for name, parameters in found.items():
        assert name.startswith("/**/")  # also right in a namespace
        assert isinstance(parameters, dict)
