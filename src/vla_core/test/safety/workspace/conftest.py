"""A small arm of every primitive, stated here alone."""

from __future__ import annotations

from typing import Any

import pytest

JOINTS = ("turn", "lift", "reach")


def link(name: str, *shapes: str) -> str:
    entries = "".join(
        f'<collision><origin xyz="{xyz}"/><geometry><{shape}/></geometry></collision>'
        for xyz, shape in (entry.split("|") for entry in shapes)
    )
    return f'<link name="{name}">{entries}</link>'


def joint(
    name: str, kind: str, parent: str, child: str, xyz: str, axis: str, low: float, high: float, more: str = ""
) -> str:
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/><origin xyz="{xyz}"/>'
        f'<axis xyz="{axis}"/><limit lower="{low}" upper="{high}" velocity="2" effort="10"/>{more}</joint>'
    )


URDF = (
    '<robot name="small">'
    + link("base_link", '0 0 0.05|box size="0.2 0.2 0.1"')
    + link("column", '0 0 0.1|cylinder radius="0.04" length="0.2"')
    + link("arm", '0.15 0 0|box size="0.3 0.05 0.05"')
    + link("slider", '0.1 0 0|cylinder radius="0.02" length="0.06"', '0.2 0 0|sphere radius="0.03"')
    + link("tip")
    + link("finger", '0.03 0 0|box size="0.06 0.01 0.02"')
    + link("thumb", '0.03 0 0|box size="0.06 0.01 0.02"')
    + joint("turn", "revolute", "base_link", "column", "0 0 0.1", "0 0 1", -2.5, 2.5)
    + joint("lift", "revolute", "column", "arm", "0 0 0.2", "0 1 0", -2.0, 2.6)
    + joint("reach", "prismatic", "arm", "slider", "0.25 0 0", "1 0 0", 0.0, 0.15)
    + joint("grip", "prismatic", "slider", "finger", "0.22 0 0", "0 1 0", 0.0, 0.03)
    + joint(
        "close", "revolute", "slider", "thumb", "0.22 0 0", "0 0 1", -1.0, 1.0, '<mimic joint="grip" multiplier="-20"/>'
    )
    + '<joint name="tip_joint" type="fixed"><parent link="slider"/><child link="tip"/><origin xyz="0.28 0 0"/></joint>'
    + "</robot>"
)
MARGIN = {"distance_m": 0.01, "reason": "test"}


@pytest.fixture
def urdf() -> str:
    return URDF


@pytest.fixture
def content() -> dict[str, Any]:
    """A workspace that uses every field."""
    return {
        "base": "base_link",
        "margin": dict(MARGIN),
        "enclosure": {"lower_m": [-1.0, -1.0, -0.5], "upper_m": [1.0, 1.0, 1.0], "links": ["tip", "slider"]},
        "keep_out": [
            {"name": "table", "box_m": [2.0, 2.0, 0.1], "xyz_m": [0.0, 0.0, -0.05]},
            {"name": "post", "cylinder_m": [0.05, 0.6], "xyz_m": [0.5, 0.5, 0.3]},
            {
                "name": "ball",
                "sphere_m": 0.1,
                "xyz_m": [-0.5, 0.0, 0.3],
                "margin": {"distance_m": 0.02, "reason": "soft"},
            },
        ],
        "self_collision": True,
        "disabled_collisions": [{"link1": "base_link", "link2": "arm", "reason": "only in postures that are not used"}],
    }
