"""A joint-state message -> the contract's state vector, by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vla_core.errors import ObservationError
from vla_core.types import FloatArray, read_only


def order_joints(wanted: Sequence[str], names: Sequence[str], positions: Sequence[float] | FloatArray) -> FloatArray:
    """(len(wanted),) positions in the order of ``wanted``, whatever the order of the message; read-only.

    Args:
        wanted: joint names of the contract.
        names: joint names of the message; further joints are ignored.
        positions: one per name [rad] or [m].

    Raises:
        ObservationError: lengths differ, a name is missing or twice, or a wanted position is not finite.
    """
    if len(names) != len(positions):
        raise ObservationError(f"joint state has {len(names)} names but {len(positions)} positions")
    index = {name: place for place, name in enumerate(names)}
    if len(index) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise ObservationError(f"joint state names {', '.join(twice)} twice")
    missing = [name for name in wanted if name not in index]
    if missing:
        raise ObservationError(
            f"joint state lacks {', '.join(missing)}; it has {', '.join(names) or '(none)'}; publish all joints of the "
            "contract in one message, as joint_state_broadcaster does"
        )
    state = read_only([positions[index[name]] for name in wanted])
    if not np.isfinite(state).all():
        bad = [f"{name} = {value}" for name, value in zip(wanted, state, strict=True) if not np.isfinite(value)]
        raise ObservationError(f"joint state is not finite: {', '.join(bad)}")
    return state
