"""Which program runs on which host."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from proof.faults.config import StackConfig, parse
from proof.faults.wave import write_wave_bundle
from proof.hosts.wire import ADDRESSES
from vla_bringup.stack.spec import executable_path, tabletop_params
from vla_core.contract import write_bundle
from vla_core.testing import make_contract_mapping

SHIPPED = Path(__file__).parents[1] / "faults" / "tabletop.yaml"
CAMERAS = ("front", "wrist")
PORT = 8000


@dataclass(frozen=True, slots=True)
class Arrangement:
    """there: roles on the second host. link: what the wire carries. compressed: images as JPEG.

    promise_s: from the cut of the wire to the arm at rest. docs/two-hosts.md says where it comes from.
    """

    name: str
    link: str
    there: tuple[str, ...]
    promise_s: float
    compressed: bool = False

    @property
    def dds(self) -> bool:
        """Whether ROS topics cross the wire."""
        return "worker" not in self.there


# plan_timeout_s / min_real_time_factor + promised_stop_s of tabletop.yaml; horizon_s + promised_stop_s.
PLANS_S, UNHEARD_S = 0.2 + 0.4, 0.3 + 0.4

ARRANGEMENTS = (
    Arrangement("dds", "images, joint states, plans (DDS)", ("planner",), PLANS_S),
    Arrangement("compressed", "JPEG images, joint states, plans (DDS)", ("planner",), PLANS_S, compressed=True),
    Arrangement("server", "observations, chunks (websocket)", ("worker",), PLANS_S),
    Arrangement("driver", "images, joint states, commands (DDS)", ("planner", "monitor"), UNHEARD_S),
)


def describe(arrangement: Arrangement, enter: Sequence[str], out: Path) -> StackConfig:
    """The shipped stack as `make faults` judges it, its roles on their hosts."""
    content: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    processes = content["processes"]
    wave = write_wave_bundle(out / "wave")
    bundle = wave
    if "worker" in arrangement.there:
        bundle = _remote_bundle(out / "remote")
        token = out / "token"
        token.write_text(secrets.token_hex(16), encoding="ascii")
        token.chmod(0o600)
        os.environ["VLA_UPSTREAM_TOKEN_FILE"] = str(token)
        processes["worker"] = {"command": [*enter, *_server(wave, token)]}
    if arrangement.compressed:
        for name in CAMERAS:
            processes["planner"]["parameters"] |= {
                f"camera.{name}.transport": "compressed",
                f"camera.{name}.topic": f"{name}_camera/image_raw/compressed",
            }
    for role in arrangement.there:
        if processes[role].get("node"):
            processes[role] = _over(processes[role], enter, bundle)
    if bundle is not wave:
        processes["planner"]["parameters"]["bundle"] = str(bundle)
    return parse(content)


def places(out: Path) -> Mapping[str, str]:
    """What ``{name}`` in the description stands for."""
    return {"tabletop_params": str(tabletop_params()), "wave_bundle": str(out / "wave")}


def use_peers() -> None:
    """Discovery by explicit peers, no multicast: of this host."""
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    os.environ["ROS_STATIC_PEERS"] = ADDRESSES[1]


def _over(process: Mapping[str, Any], enter: Sequence[str], bundle: Path) -> dict[str, Any]:
    """A node's process as a command on the second host."""
    command = [*enter, "env", f"ROS_STATIC_PEERS={ADDRESSES[0]}"]
    command += [str(executable_path(*process["node"].split("/"))), "--ros-args", "-r", f"__node:={process['name']}"]
    command += ["{remaps}", "--params-file", str(tabletop_params())]
    for key, value in process.get("parameters", {}).items():
        command += ["-p", f"{key}:={bundle if key == 'bundle' else value}"]
    return {"command": command, "name": process["name"], "lifecycle": True}


def _server(bundle: Path, token: Path) -> list[str]:
    listen = ["--host", ADDRESSES[1], "--port", str(PORT), "--token-file", str(token), "--plain-text"]
    return [sys.executable, "-m", "vla_policy.worker", "--bundle", str(bundle), *listen]


def _remote_bundle(folder: Path) -> Path:
    """The contract that the server has, and where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = make_contract_mapping(name="wave", runtime="remote", url=f"ws://{ADDRESSES[1]}:{PORT}")
    mapping.pop("mock")
    action = mapping["action"]
    assert isinstance(action, dict)
    action["kind"] = "absolute"
    write_bundle(folder, mapping)
    return folder
