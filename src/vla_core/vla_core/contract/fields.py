"""Reading a mapping strictly: every refusal names the field, its value and what would be valid."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from vla_core.errors import ContractError


def listed(values: Collection[str]) -> str:
    """``values`` for a message, sorted only where they have no order of their own."""
    return ", ".join(sorted(values) if isinstance(values, (set, frozenset)) else values) or "(none)"


def refuse_unknown(value: str, valid: Collection[str], path: str, what: str) -> ContractError:
    """The error for a ``value`` that is none of the ``valid`` ones, with the nearest one suggested."""
    near = difflib.get_close_matches(value, list(valid), n=1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    return ContractError(f"{path}: unknown {what} '{value}'{hint}; valid: {listed(valid)}")


class Section:
    """A mapping at ``path`` of which only ``keys`` may be used."""

    def __init__(self, value: object, path: str, keys: Collection[str]) -> None:
        if not isinstance(value, Mapping):
            raise ContractError(f"{path or 'contract'}: expected a mapping with the keys {listed(keys)}; got {value!r}")
        self._values: dict[str, object] = {}
        self.path = path
        for key, item in value.items():
            if key not in keys:
                raise refuse_unknown(str(key), keys, path or "contract", "key")
            self._values[str(key)] = item

    def at(self, key: str) -> str:
        """The path of ``key`` as it is written in messages."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """True when ``key`` is there and not null."""
        return self._values.get(key) is not None

    def get(self, key: str) -> object:
        """The raw value of a required ``key``."""
        if not self.has(key):
            raise ContractError(f"{self.at(key)}: missing; the contract must state it")
        return self._values[key]

    def text(self, key: str) -> str:
        """A string that is not empty."""
        value = self.get(key)
        if not isinstance(value, str) or not value.strip():
            raise ContractError(f"{self.at(key)}: expected a text that is not empty (quote it); got {value!r}")
        return value

    def choice(self, key: str, valid: Collection[str], what: str = "value") -> str:
        """One of ``valid``."""
        value = self.text(key)
        if value not in valid:
            raise refuse_unknown(value, valid, self.at(key), what)
        return value

    def number(self, key: str, *, above: float = -math.inf, most: float = math.inf) -> float:
        """A finite number in (above, most]."""
        value = as_number(self.get(key), self.at(key))
        if not above < value <= most:
            raise ContractError(f"{self.at(key)}: {value:g} is outside ({above:g}, {most:g}]")
        return value

    def integer(self, key: str, *, least: int, most: int) -> int:
        """A whole number in [least, most]."""
        value = self.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ContractError(f"{self.at(key)}: expected a whole number from {least} to {most}; got {value!r}")
        return value

    def items(self, key: str) -> Iterator[tuple[str, object]]:
        """(path, value) of each item of a list."""
        for index, item in enumerate(as_list(self.get(key), self.at(key))):
            yield f"{self.at(key)}[{index}]", item

    def numbers(self, key: str, length: int) -> tuple[float, ...]:
        """A list of exactly ``length`` finite numbers."""
        return as_numbers(self.get(key), self.at(key), length)


def as_number(value: object, path: str) -> float:
    """``value`` as a finite float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = " (YAML reads 1e-3 as a text; write 1.0e-3)" if isinstance(value, str) else ""
        raise ContractError(f"{path}: expected a number; got {value!r}{hint}")
    if not math.isfinite(value):
        raise ContractError(f"{path}: expected a finite number; got {value!r}")
    return float(value)


def as_list(value: object, path: str) -> Sequence[object]:
    """``value`` as a list."""
    if not isinstance(value, (list, tuple)):
        raise ContractError(f"{path}: expected a list; got {value!r}")
    return value


def as_numbers(value: object, path: str, length: int) -> tuple[float, ...]:
    """``value`` as a tuple of exactly ``length`` finite numbers."""
    items = as_list(value, path)
    if len(items) != length:
        raise ContractError(f"{path}: expected {length} numbers, one per dimension; got {len(items)}")
    return tuple(as_number(item, f"{path}[{index}]") for index, item in enumerate(items))
