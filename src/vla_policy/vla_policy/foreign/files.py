"""Reading what others wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vla_core.errors import BundleError


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        BundleError: it cannot be read, or is no object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        beside = ", ".join(sorted(one.name for one in path.parent.glob("*"))[:20]) or "nothing"
        raise BundleError(f"{path}: missing; the folder has {beside}") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise BundleError(f"{path}: expected an object; got {type(value).__name__}")
    return value
