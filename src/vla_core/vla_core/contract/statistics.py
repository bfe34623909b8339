"""The ``normalization`` and ``tokenizer`` sections."""

from __future__ import annotations

from typing import TypedDict

from vla_core.contract.fields import Section, as_list, as_numbers
from vla_core.contract.model import (
    NORMALIZATION_METHODS,
    TOKENIZER_CONVENTIONS,
    TOKENIZER_DECODINGS,
    NormalizationSpec,
    Statistic,
    TokenizerSpec,
)
from vla_core.errors import ContractError

NEEDED = {"none": (), "mean_std": ("mean", "std"), "min_max": ("min", "max"), "quantile": ("q01", "q99")}


class _Statistics(TypedDict, total=False):
    mean: Statistic
    std: Statistic
    min: Statistic
    max: Statistic
    q01: Statistic
    q99: Statistic


def parse_normalization(value: object, path: str, size: int, horizon: int | None) -> NormalizationSpec:
    """Statistics of ``size`` dimensions; with a ``horizon`` also one row per step."""
    keys = ("method", "mean", "std", "min", "max", "q01", "q99", "mask")
    section = Section(value, path, keys)
    method = section.choice("method", NORMALIZATION_METHODS, "normalization method")
    needed: tuple[str, ...] = NEEDED[method]
    for key in keys[1:-1]:
        if section.has(key) and key not in needed:
            raise ContractError(
                f"{section.at(key)}: method {method} does not use it; it uses {', '.join(needed) or 'no statistics'}"
            )
    found = _Statistics()
    for key in needed:
        found[key] = _statistic(section, key, size, horizon)  # type: ignore[literal-required]  # keys of NEEDED
    if method != "none":
        _check_order(method, [found[key] for key in needed], path)  # type: ignore[literal-required]
    mask = _mask(section, size) if section.has("mask") else None
    return NormalizationSpec(method=method, mask=mask, **found)


def parse_tokenizer(value: object, path: str) -> TokenizerSpec:
    """The checked ``tokenizer`` section."""
    section = Section(value, path, ("convention", "bins", "low", "high", "decode"))
    low = section.number("low")
    return TokenizerSpec(
        convention=section.choice("convention", TOKENIZER_CONVENTIONS, "tokenizer convention"),
        bins=section.integer("bins", least=3, most=65536),
        low=low,
        high=section.number("high", above=low),
        decode=section.choice("decode", TOKENIZER_DECODINGS, "decoding"),
    )


def _statistic(section: Section, key: str, size: int, horizon: int | None) -> Statistic:
    path = section.at(key)
    items = as_list(section.get(key), path)
    if not items or not isinstance(items[0], (list, tuple)):
        return as_numbers(items, path, size)
    if horizon is None:
        raise ContractError(f"{path}: expected {size} numbers; one row per step is for actions only")
    if len(items) != horizon:
        raise ContractError(f"{path}: expected {horizon} rows, one per step of the horizon; got {len(items)}")
    return tuple(as_numbers(row, f"{path}[{index}]", size) for index, row in enumerate(items))


def _check_order(method: str, pair: list[Statistic], path: str) -> None:
    first, second = ([row if isinstance(row, tuple) else (row,) for row in one] for one in pair)
    if len(first) != len(second):
        raise ContractError(f"{path}: {' and '.join(NEEDED[method])} must have the same shape")
    for low_row, high_row in zip(first, second, strict=True):
        if len(low_row) != len(high_row):
            raise ContractError(f"{path}: {' and '.join(NEEDED[method])} must have the same shape")
        for low, high in zip(low_row, high_row, strict=True):
            if method == "mean_std" and high < 0:
                raise ContractError(f"{path}.std: {high:g} is negative")
            if method != "mean_std" and high < low:
                raise ContractError(f"{path}: {NEEDED[method][1]} {high:g} is below {NEEDED[method][0]} {low:g}")


def _mask(section: Section, size: int) -> tuple[bool, ...]:
    items = as_list(section.get("mask"), section.at("mask"))
    if len(items) != size or not all(isinstance(item, bool) for item in items):
        raise ContractError(f"{section.at('mask')}: expected {size} times true or false; got {items!r}")
    return tuple(bool(item) for item in items)
