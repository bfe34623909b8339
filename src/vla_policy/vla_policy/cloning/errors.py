"""Why a training is refused, or stopped."""

from __future__ import annotations

from collections.abc import Collection

from vla_core.errors import VlaError


class TrainError(VlaError):
    """A training cannot be begun as asked; the message names the option, its value, the choices and the remedy."""


class DivergedError(VlaError):
    """A training was stopped because it no longer learns; the message says why and where its last good state is."""


def not_among(option: str, value: object, valid: Collection[str], remedy: str = "") -> TrainError:
    """The error for a value that is none of the ``valid`` ones."""
    return TrainError(f"{option}: {value!r} is none of {', '.join(valid)}{'; ' + remedy if remedy else ''}")
