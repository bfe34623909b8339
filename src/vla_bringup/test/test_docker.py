"""The container files hold together: what hadolint and the compose schema (`make lint`) cannot know."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

from vla_policy import worker

ROOT = Path(__file__).resolve().parents[3]
DOCKER = ROOT / "docker"
COMPOSE = sorted(DOCKER.glob("compose.*.yaml"))
IMAGES = [("Dockerfile", "cpu"), ("Dockerfile", "gpu"), ("Dockerfile.ros", "robot"), ("Dockerfile.ros", "gazebo")]
SERVICES = [(path, name) for path in COMPOSE for name in yaml.safe_load(path.read_text())["services"]]
BUILD_TOOLS = {"build-essential", "cmake", "g++", "gcc", "git", "make", "python3-venv", "python3-pip"}


@dataclass
class Stage:
    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str | None:
        found = [text for name, text in self.steps if name == instruction]
        return found[-1] if found else None


def stages(dockerfile: str) -> tuple[dict[str, str], dict[str, Stage]]:
    """Arguments before the first stage, and the stages by name."""
    text = re.sub(r"^\s*#.*\n", "", (DOCKER / dockerfile).read_text(), flags=re.MULTILINE)
    arguments: dict[str, str] = {}
    found: dict[str, Stage] = {}
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = Stage(name, base)
        elif instruction == "ARG" and not found:
            arguments.__setitem__(*rest.split("=", 1))
        elif instruction:
            found[list(found)[-1]].steps.append((instruction, rest))
    return arguments, found


def lineage(dockerfile: str, target: str) -> list[Stage]:
    """The stages whose layers an image has: its own first."""
    known = stages(dockerfile)[1]
    line = [known[target]]
    while line[-1].base in known:
        line.append(known[line[-1].base])
    return line


def setting(dockerfile: str, target: str, instruction: str) -> str:
    """What an image has: its own stage's, or inherited."""
    values = [stage.last(instruction) for stage in lineage(dockerfile, target)]
    return next((value for value in values if value is not None), "")


def installed(stage: Stage) -> set[str]:
    """What a stage takes from apt."""
    runs = [text for name, text in stage.steps if name == "RUN"]
    lists = [part for run in runs for part in re.findall(r"apt-get install (.*?)(?:&&|$)", run)]
    return {word for part in lists for word in part.split() if not word.startswith("-")}


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.ros"])
def test_every_base_is_pinned_by_tag_and_digest(dockerfile: str) -> None:
    arguments, found = stages(dockerfile)
    for stage in found.values():
        if stage.base not in found:
            base = arguments[stage.base.removeprefix("${").removesuffix("}")]
            assert re.fullmatch(r"[a-z/]+:[\w.-]+@sha256:[0-9a-f]{64}", base)


@pytest.mark.parametrize(("dockerfile", "target"), IMAGES)
def test_every_image_runs_as_a_user_under_an_init_and_gets_signals_itself(dockerfile: str, target: str) -> None:
    user, _, group = setting(dockerfile, target, "USER").partition(":")
    assert int(user) > 0 and int(group) > 0
    entry = json.loads(setting(dockerfile, target, "ENTRYPOINT"))  # JSON: the exec form, no shell in between
    assert entry[:2] == ["tini", "--"]
    assert "tini" in set().union(*[installed(stage) for stage in lineage(dockerfile, target)])
    script = (DOCKER / entry[2]).read_text().rstrip().splitlines()
    assert script[-1] == 'exec "$@"'
    assert (DOCKER / entry[2]).stat().st_mode & 0o111
    assert json.loads(setting(dockerfile, target, "CMD"))
    # `ros2 launch` leaves its nodes behind on SIGTERM; our own programs take either.
    assert setting(dockerfile, target, "STOPSIGNAL") == ("SIGINT" if dockerfile == "Dockerfile.ros" else "SIGTERM")


@pytest.mark.parametrize(("dockerfile", "target"), IMAGES)
def test_no_image_has_build_tools(dockerfile: str, target: str) -> None:
    for stage in lineage(dockerfile, target):
        packages = installed(stage)
        assert packages or stage.name in ("cpu", "gpu")
        assert not packages & BUILD_TOOLS
        assert not {name for name in packages if name.endswith("-dev")}


@pytest.mark.parametrize(("dockerfile", "target"), IMAGES)
def test_health_is_asked_of_what_exists(dockerfile: str, target: str) -> None:
    check = setting(dockerfile, target, "HEALTHCHECK")
    if check == "NONE":
        assert target == "gazebo"
        return
    command = json.loads(check[check.index("CMD") + 3 :])
    check_health_command(command)


def check_health_command(command: list[str]) -> None:
    if "vla" in command:
        nodes = [command[at + 1] for at, word in enumerate(command) if word == "--healthy"]
        assert nodes
        for node in nodes:
            assert f"{node} = vla_inference." in (ROOT / "src/vla_inference/setup.py").read_text()
    else:
        assert find_spec(command[command.index("-m") + 1])


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.ros"])
def test_what_is_copied_is_there_and_in_the_build_context(dockerfile: str) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    found = stages(dockerfile)[1]
    for stage in found.values():
        for source in re.findall(r"--from=(\S+)", " ".join(text for name, text in stage.steps if name == "COPY")):
            assert source in found
        for name, text in stage.steps:
            if name == "COPY" and "--from" not in text:
                for source in text.split()[:-1]:
                    assert (ROOT / source).exists(), source
                    assert any(Path(source).match(one) or Path(source).is_relative_to(one) for one in allowed), source


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.ros"])
def test_every_lock_is_there_with_hashes(dockerfile: str) -> None:
    text = (DOCKER / dockerfile).read_text()
    names = {*re.findall(r"--image (\w+)", text), *re.findall(r"requirements/(\w+)\.txt", text)}
    assert names
    for name in names:
        lock = (ROOT / "requirements" / f"{name}.txt").read_text()
        packages = re.findall(r"^[a-z0-9.-]+==[^\\]+\\\n    --hash=sha256:", lock, re.MULTILINE)
        assert len(packages) == len(re.findall(r"^[a-z]", lock, re.MULTILINE)) > 20


def versions(lock: str) -> dict[str, set[str]]:
    """Package -> versions, one for each Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / "requirements" / lock).read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_images_run_the_versions_that_are_tested() -> None:
    tested, cpu, gpu = versions("product.txt"), versions("image.txt"), versions("image_gpu.txt")
    assert {name: tested.get(name) for name in cpu} == cpu
    assert {name: found for name, found in gpu.items() if name in tested} == {
        name: found for name, found in cpu.items() if name != "onnxruntime"
    }
    assert gpu["onnxruntime-gpu"] == tested["onnxruntime"] == versions("image_ros.txt")["onnxruntime"]


def test_the_ros_image_has_what_the_manifests_name() -> None:
    """The final stage names its packages; rosdep, which would find them, is a build tool."""
    in_the_base = (
        {"rclpy", "launch", "launch_ros", "ament_index_python", "std_srvs", "rosidl_default_runtime"}
        | {name + "_msgs" for name in ("action", "geometry", "lifecycle", "rosgraph", "sensor", "std", "trajectory")}
        | {"builtin_interfaces", "rcl_interfaces"}
    )  # of ros_core: rclpy, launch_ros and the common interfaces
    packages = installed(stages("Dockerfile.ros")[1]["robot"])
    for manifest in sorted((ROOT / "src").glob("*/package.xml")):
        root = ET.parse(manifest).getroot()
        keys = {element.text or "" for tag in ("depend", "exec_depend") for element in root.iter(tag)}
        for key in keys - in_the_base:
            if not key.startswith("vla_"):
                apt = key if key.startswith("python3-") else f"ros-jazzy-{key.replace('_', '-')}"
                assert apt in packages, f"{manifest.parent.name} needs {key}"


@pytest.mark.parametrize(("path", "name"), SERVICES, ids=lambda value: getattr(value, "name", value))
def test_every_service_can_start(path: Path, name: str) -> None:
    whole = yaml.safe_load(path.read_text())
    service = whole["services"][name]
    build = service["build"]
    assert (path.parent / build["context"]).resolve() == ROOT
    dockerfile = Path(build["dockerfile"]).name
    assert build["target"] in stages(dockerfile)[1]
    assert set(service.get("secrets", [])) <= set(whole.get("secrets", {}))
    command = service["command"]
    if command[:2] == ["ros2", "launch"] and command[2] == "vla_bringup":
        launch = (ROOT / "src/vla_bringup/launch" / command[3]).read_text()
        for argument in command[4:]:
            assert f'"{argument.partition(":=")[0]}"' in launch
    if "-m" in command:
        assert command[command.index("-m") + 1] == "vla_policy.worker"
        words = [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", word) for word in command[command.index("-m") + 2 :]]
        worker._parser().parse_args(words)
    if "healthcheck" in service:
        check_health_command(service["healthcheck"]["test"][1:])
    for volume in service.get("volumes", []):
        default = re.fullmatch(r"\$\{\w+:-(.+)\}", volume["source"])
        if default is None and volume["source"].startswith(".."):
            assert volume["source"] == "../out"  # made by the user, as the file's head says
    assert "stop_grace_period" in service or name == "policy"  # longer than it takes to bring an arm to rest


def test_slimming_keeps_every_library_under_every_name(tmp_path: Path) -> None:
    spec = spec_from_file_location("slim_venv", ROOT / "scripts" / "slim_venv.py")
    assert spec is not None and spec.loader is not None
    slim_venv = module_from_spec(spec)
    spec.loader.exec_module(slim_venv)
    library, other = b"x" * 5000, b"y" * 5000
    files = {"lib/libx.so": library, "lib/libx.so.1": library, "lib/liby.so": other, "lib/libx.a": library}
    files |= {"include/x.h": b"x", "lib/python3.11/site-packages/numpy/_core/tests/test_x.py": b"x"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "lib" / "liby.so.1").symlink_to("liby.so")
    saved = slim_venv.slim(tmp_path)
    left = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"lib/libx.so": library, "lib/libx.so.1": library, "lib/liby.so": other, "lib/liby.so.1": other}
    assert (tmp_path / "lib/libx.so").samefile(tmp_path / "lib/libx.so.1")
    assert saved == {"removed": 5002, "linked": 5000}


def test_the_secrets_that_the_page_has_made_are_never_committed() -> None:
    assert "mkdir -p docker/secrets" in (ROOT / "docs" / "docker.md").read_text()
    assert "docker/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_page_names_every_file_and_image() -> None:
    page = (ROOT / "docs" / "docker.md").read_text()
    for path in [*COMPOSE, DOCKER / "Dockerfile", DOCKER / "Dockerfile.ros"]:
        assert path.name in page
    for _, target in IMAGES:
        assert f"--target {target}" in page
