"""The YAML of a workspace: read whole or refused, naming what is valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from vla_core.errors import WorkspaceError
from vla_core.safety.workspace.description import LEAST_M, load_workspace


def test_every_field_is_read(content: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "workspace.yaml"
    path.write_text(yaml.safe_dump(content))
    workspace = load_workspace(path)
    assert workspace == load_workspace(content)
    assert workspace.margin.distance_m == 0.01
    assert [zone.name for zone in workspace.keep_out] == ["table", "post", "ball"]
    assert workspace.keep_out[2].margin is not None and workspace.keep_out[2].margin.distance_m == 0.02
    assert workspace.enclosure is not None and workspace.enclosure.links == ("tip", "slider")
    assert workspace.disabled_collisions[0].reason == "only in postures that are not used"


def changed(content: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    at: Any = content
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("zones",), [], ["'zones'", "keep_out"]),
        (("margin",), None, ["margin is missing"]),
        (("margin",), 0.01, ["margin is 0.01", "mapping of distance_m, reason"]),
        (("margin", "reason"), None, ["reason"]),
        (("margin", "distance_m"), 0.5 * LEAST_M, ["distance_m", str(LEAST_M)]),
        (("margin", "distance_m"), float("nan"), ["distance_m"]),
        (("enclosure", "upper_m"), [1.0, -2.0, 1.0], ["lower_m", "below"]),
        (("enclosure", "lower_m"), [1.0, 2.0], ["lower_m", "3"]),
        (("enclosure", "boxes"), 1, ["'boxes'", "lower_m, upper_m, links"]),
        (("keep_out", 0, "sphere_m"), 1.0, ["'table'", "give one of"]),
        (("keep_out", 0, "box_m"), None, ["'table'", "no shape", "box_m, sphere_m, cylinder_m"]),
        (("keep_out", 0, "box_m"), [1.0, 0.0, 1.0], ["box_m", "positive"]),
        (("keep_out", 0, "box_m"), [1.0, True, 1.0], ["box_m", "finite"]),
        (("keep_out", 0, "xyz"), [0, 0, 0], ["'xyz'", "xyz_m"]),
        (("keep_out", 1, "name"), "table", ["repeat"]),
        (("keep_out",), {}, ["list"]),
        (("self_collision",), "no", ["self_collision"]),
        (("disabled_collisions", 0, "reason"), None, ["reason"]),
        (("disabled_collisions", 0, "links"), [], ["'links'", "link1, link2, reason"]),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    content: dict[str, Any], path: tuple[Any, ...], value: Any, words: list[str]
) -> None:
    with pytest.raises(WorkspaceError) as refused:
        load_workspace(changed(content, path, value))
    assert all(word in str(refused.value) for word in words), refused.value


def test_a_missing_file_is_named() -> None:
    with pytest.raises(WorkspaceError, match=r"/nowhere\.yaml"):
        load_workspace("/nowhere.yaml")


def test_an_override_takes_space_away(content: dict[str, Any]) -> None:
    workspace = load_workspace(content)
    tighter = workspace.tightened(
        {
            "margin": {"distance_m": 0.02, "reason": "a wobbly stand"},
            "enclosure": {"lower_m": [-0.5, -1.0, 0.0], "upper_m": [1.0, 1.0, 1.0]},
            "keep_out": [{"name": "monitor", "box_m": [0.1, 0.1, 0.1]}],
        }
    )
    assert tighter.margin.distance_m == 0.02
    assert tighter.enclosure is not None and tighter.enclosure.lower_m[0] == -0.5
    assert [zone.name for zone in tighter.keep_out] == ["table", "post", "ball", "monitor"]


@pytest.mark.parametrize(
    "override",
    [
        {"margin": {"distance_m": 0.005, "reason": "less"}},
        {"enclosure": {"lower_m": [-1.1, -1.0, -0.5], "upper_m": [1.0, 1.0, 1.0], "links": ["tip", "slider"]}},
        {"enclosure": {"lower_m": [-1.0, -1.0, -0.5], "upper_m": [1.0, 1.0, 1.0], "links": ["tip"]}},
        {"keep_out": [{"name": "table", "box_m": [0.1, 0.1, 0.1]}]},
        {"disabled_collisions": []},
        {"self_collision": False},
    ],
)
def test_an_override_never_gives_space(content: dict[str, Any], override: dict[str, Any]) -> None:
    with pytest.raises(WorkspaceError):
        load_workspace(content).tightened(override)


def test_the_first_enclosure_takes_space_away_too(content: dict[str, Any]) -> None:
    del content["enclosure"]
    added = {"lower_m": [-9.0, -9.0, -9.0], "upper_m": [9.0, 9.0, 9.0], "links": ["tip"]}
    assert load_workspace(content).tightened({"enclosure": added}).enclosure is not None


def test_values_cannot_be_changed(content: dict[str, Any]) -> None:
    workspace = load_workspace(content)
    with pytest.raises(AttributeError):
        workspace.margin = None  # type: ignore[misc,assignment]
