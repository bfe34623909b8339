"""Blocks by name, so that YAML can compose them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from vla_policy.presets.spec import PresetError, unknown


class Registry:
    """Block name -> class or function that makes one.

    Args:
        what: what the blocks are, for messages, e.g. ``vision encoder``.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._makers: dict[str, Callable[..., nn.Module]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that ``build`` knows."""
        return tuple(sorted(self._makers))

    def register(self, name: str, **fixed: Any) -> Callable[[Any], Any]:
        """Decorator: the class is known as ``name``, made with the ``fixed`` options, which YAML cannot name."""

        def add(maker: Any) -> Any:
            if name in self._makers:
                raise ValueError(f"the {self.what} '{name}' is registered twice")
            self._makers[name] = _Maker(maker, fixed) if fixed else maker
            return maker

        return add

    def build(self, block: Mapping[str, Any], path: str, /, *given: Any) -> nn.Module:
        """The block that ``{type: name, ...options}`` describes.

        Args:
            block: the mapping out of the preset.
            path: where it stands there, for messages.
            given: what the model passes to every block of this kind, first positional arguments.

        Raises:
            PresetError: no such name or option, or options that do not fit together.
        """
        name = str(block["type"])
        if name not in self._makers:
            raise unknown(name, self.names, f"{path}.type", self.what)
        options = {key: value for key, value in block.items() if key != "type"}
        maker = self._makers[name]
        valid = _options(maker)[len(given) :]
        for key in options:
            if key not in valid:
                raise unknown(str(key), valid, path, f"option of the {self.what} '{name}'")
        try:
            return maker(*given, **options)
        except PresetError as error:
            raise PresetError(f"{path} ({name}): {error}") from error


class _Maker:
    """A class with some of its options fixed."""

    def __init__(self, maker: Callable[..., nn.Module], fixed: Mapping[str, Any]) -> None:
        self.maker = maker
        self.fixed = fixed

    def __call__(self, *given: Any, **options: Any) -> nn.Module:
        return self.maker(*given, **self.fixed, **options)


def _options(maker: Callable[..., nn.Module]) -> list[str]:
    target, fixed = (maker.maker, maker.fixed) if isinstance(maker, _Maker) else (maker, {})
    return [name for name in inspect.signature(target).parameters if name not in fixed]


VISION = Registry("vision encoder")
LANGUAGE = Registry("language encoder")
FUSION = Registry("fusion")
HEAD = Registry("action head")
DENOISER = Registry("denoiser")
BODY = Registry("body")
