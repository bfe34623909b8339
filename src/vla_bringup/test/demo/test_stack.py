"""The demo as a user runs it: every process, the shipped policy, one short attempt."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vla_bringup.errors import StackError
from vla_bringup.graph.session import wait_until
from vla_bringup.stack.spec import default_bundle

pytestmark = [pytest.mark.stack, pytest.mark.ros, pytest.mark.render, pytest.mark.xdist_group("stack")]

PATIENCE_S = 240.0


@pytest.fixture
def bundle() -> Path:
    try:
        return Path(os.environ["VLA_BUNDLE"]) if "VLA_BUNDLE" in os.environ else default_bundle()
    except StackError as error:
        pytest.skip(str(error))


def demo(out: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vla_bringup", "demo", "--no-video", "--out", str(out), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def processes_of(out: Path) -> list[str]:
    """Command lines of running processes that have to do with the run that writes to ``out``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(out).encode() in environment + command and int(folder.name) != os.getpid():
            found.append(command.replace(b"\0", b" ").decode())
    return found


def test_a_sentence_goes_through_the_whole_stack(bundle: Path, ros_domain: int, tmp_path: Path) -> None:
    process = demo(tmp_path, "--instruction", "reach the red cube")
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    report = json.loads((tmp_path / "report.json").read_text())
    (episode,) = report["episodes"]
    assert (episode["instruction"], episode["task"], episode["target"]) == ("reach the red cube", "reach", "red")
    assert episode["success"] in (True, False)
    assert episode["gate"]["pass"] > 0
    assert all(report["latency_ms"][stage]["p50"] is not None for stage in ("sync", "inference", "gate", "total"))
    assert report["max_limit_violation"] == 0.0
    assert (tmp_path / "states.npz").is_file()
    assert processes_of(tmp_path) == []


def test_an_interruption_brings_the_arm_to_rest_and_leaves_nothing(
    bundle: Path, ros_domain: int, tmp_path: Path
) -> None:
    process = demo(tmp_path)
    monitor = tmp_path / "logs" / "safety_monitor.log"
    moving = wait_until(lambda: monitor.is_file() and "EXECUTING" in monitor.read_text(), PATIENCE_S, 0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert moving, output
    assert process.returncode == 130, output
    rest, first_end = output.index("bringing the arm to rest"), output.index("inference_node: ending")
    assert rest < first_end
    assert processes_of(tmp_path) == []
