from pathlib import Path

import pytest
import yaml

from vla_bringup.errors import StackError
from vla_bringup.stack.spec import NodeSpec, executable_path, tabletop_params, tabletop_stack


def test_a_package_that_is_not_built_says_how_to_build_it() -> None:
    with pytest.raises(StackError, match="make setup"):
        executable_path("no_such_package", "node")


def test_texts_stay_texts_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vla_bringup.stack.spec.executable_path", lambda package, name: Path("/bin/node"))
    spec = NodeSpec(
        "node", "package", "node", parameters={"bundle": "/a b/c", "version": "1.0", "rate": 2.5, "on": True}
    )
    command = spec.command("left", Path("/p.yaml"))
    given = dict(item.split(":=", 1) for item in command if ":=" in item and not item.startswith(("__", "/clock")))
    assert {key: yaml.safe_load(value) for key, value in given.items()} == dict(spec.parameters)
    assert "__ns:=/left" in command and "/clock:=clock" in command


def test_the_parameter_file_names_the_nodes_that_are_started() -> None:
    named = {key.rpartition("/")[2] for key in yaml.safe_load(tabletop_params().read_text())}
    assert named == {spec.name for spec in tabletop_stack(Path("/bundle"))}


def test_the_worker_runs_in_the_policy_environment_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def planner() -> NodeSpec:
        return next(spec for spec in tabletop_stack(Path("/bundle")) if spec.name == "inference_node")

    monkeypatch.delenv("VLA_POLICY_PYTHON", raising=False)
    assert planner().parameters == {"bundle": "/bundle"}
    monkeypatch.setenv("VLA_POLICY_PYTHON", "/venv/bin/python")
    assert planner().parameters == {"bundle": "/bundle", "worker_python": "/venv/bin/python"}
