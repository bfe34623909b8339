"""docs/interfaces.md names every parameter with its default."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vla_inference.inference.parameters import declare_parameters as declare_inference
from vla_inference.monitor.parameters import declare as declare_monitor
from vla_sim.ros.parameters import declare_parameters as declare_simulator

DOC = Path(__file__).resolve().parents[3] / "docs" / "interfaces.md"


class Recorder:
    """Stands in for a node while its parameters are declared."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[Any, str]] = {}
        self._parameter_overrides: dict[str, Any] = {}
        self._parameters: dict[str, Any] = {}

    def has_parameter(self, name: str) -> bool:
        return name in self.rows

    def declare_parameter(self, name: str, default: Any, descriptor: Any) -> Any:
        self.rows[name] = (default, descriptor.description)
        return type("Parameter", (), {"value": default})()


NODES: dict[str, Callable[[Any], Any]] = {
    "inference_node": declare_inference,
    "safety_monitor": declare_monitor,
    "sim_node": declare_simulator,
}


def shown(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, list):
        return ", ".join(shown(item) for item in default) or "empty"
    if isinstance(default, float):
        return f"{default:g}"
    return str(default) or "empty"


def row(name: str, default: Any, description: str) -> str:
    return f"| `{name}` | {shown(default)} | {description} |".replace("<", "&lt;")


@pytest.mark.parametrize("node", NODES)
def test_every_parameter_is_documented_with_its_default(node: str) -> None:
    recorder = Recorder()
    NODES[node](recorder)
    text = DOC.read_text()
    missing = [line for line in (row(name, *rest) for name, rest in recorder.rows.items()) if line not in text]
    assert not missing, "docs/interfaces.md lacks:\n" + "\n".join(missing)
