"""A ROS parameter file, read as the node itself would be given it. No ROS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from vla_bringup.errors import RobotConfigError

_PARAMETERS = "ros__parameters"


def parameters_of(path: Path, node: str, namespace: str = "") -> dict[str, Any] | None:
    """Name -> value for ``node``, nested names joined by dots, later sections over earlier ones; None: no section.

    Raises:
        RobotConfigError: no such file, no YAML, or not in the form of ROS.
    """
    full = [*namespace.strip("/").split("/"), node] if namespace.strip("/") else [node]
    found: dict[str, Any] | None = None
    for pattern, values in _sections(_content(path), path):
        if _matches(pattern, full):
            found = {**(found or {}), **dict(_flat(values))}
    return found


def _content(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RobotConfigError(f"{path}: cannot be read ({error}); correct the path") from error
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise RobotConfigError(f"{path}: not YAML ({problem}); correct it") from error
    if not isinstance(content, Mapping):
        raise RobotConfigError(f"{path}: not a parameter file; begin with a copy of config/robot_template.yaml")
    return content


def _sections(content: Mapping[str, Any], path: Path, above: str = "") -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    for key, value in content.items():
        if key == _PARAMETERS:
            if not isinstance(value, Mapping):
                raise RobotConfigError(f"{path}: {above or '/'}: {_PARAMETERS} is {value!r}, must be a mapping")
            yield [word for word in above.split("/") if word], value
        elif isinstance(value, Mapping):
            yield from _sections(value, path, f"{above}/{key}")
        else:
            raise RobotConfigError(f"{path}: {above}/{key} is {value!r}; parameters stand below {_PARAMETERS}")


def _matches(pattern: list[str], name: list[str]) -> bool:
    """``*`` is one word of a full node name, ``**`` any number of them."""
    if not pattern:
        return not name
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        return any(_matches(rest, name[count:]) for count in range(len(name) + 1))
    return bool(name) and first in ("*", name[0]) and _matches(rest, name[1:])


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
