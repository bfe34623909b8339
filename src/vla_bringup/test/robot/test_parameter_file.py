from pathlib import Path

import pytest

from vla_bringup.errors import RobotConfigError
from vla_bringup.robot.parameter_file import parameters_of


def written(folder: Path, text: str) -> Path:
    path = folder / "robot.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("section", "namespace", "meant"),
    [
        ("/**/safety_monitor", "", True),
        ("/**/safety_monitor", "left/arm", True),
        ("/**", "left", True),
        ("safety_monitor", "", True),
        ("/safety_monitor", "left", False),
        ("/left/safety_monitor", "left", True),
        ("/left/safety_monitor", "right", False),
        ("/*/safety_monitor", "left", True),
        ("/*/safety_monitor", "", False),
        ("/**/inference_node", "", False),
    ],
)
def test_sections_are_matched_as_ros_matches_them(tmp_path: Path, section: str, namespace: str, meant: bool) -> None:
    path = written(tmp_path, f"{section}:\n  ros__parameters: {{rate_hz: 50.0}}\n")
    assert parameters_of(path, "safety_monitor", namespace) == ({"rate_hz": 50.0} if meant else None)


def test_later_sections_win_and_nested_names_are_joined(tmp_path: Path) -> None:
    text = "/**:\n  ros__parameters: {a: 1, camera: {front: {topic: x}}}\n"
    text += "left:\n  inference_node:\n    ros__parameters: {a: 2, camera.wrist.topic: y}\n"
    path = written(tmp_path, text)
    found = parameters_of(path, "inference_node", "/left")
    assert found == {"a": 2, "camera.front.topic": "x", "camera.wrist.topic": "y"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("[1, 2]", "not a parameter file"),
        ("a: [", "not YAML"),
        ("/**/safety_monitor: {rate_hz: 50.0}", "parameters stand below ros__parameters"),
        ("/**/safety_monitor: {ros__parameters: 3}", "must be a mapping"),
    ],
)
def test_a_file_that_cannot_be_is_one_line_with_its_name(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "robot.yaml" if text is None else written(tmp_path, text)
    with pytest.raises(RobotConfigError, match=words) as error:
        parameters_of(path, "safety_monitor")
    assert str(path) in str(error.value) and "\n" not in str(error.value)
