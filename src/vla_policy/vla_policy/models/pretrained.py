"""Blocks out of transformers: by configuration with random weights, or pretrained from the hub or a folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from vla_policy.presets.spec import PresetError, unknown


def make_transformers_model(
    model: Any,
    configuration: Any,
    defaults: Mapping[str, Any],
    config: Mapping[str, Any] | None,
    pretrained: str | None,
    **options: Any,
) -> nn.Module:
    """A model of transformers.

    Args:
        model: its class.
        configuration: the class of its configuration.
        defaults: fields of the configuration that make the size that the block is named after.
        config: fields that the preset says otherwise.
        pretrained: hub name or local folder of weights; their own configuration then counts.
        options: of the class, e.g. ``add_pooling_layer=False`` where nothing reads the pooled output.

    Raises:
        PresetError: the configuration has no such field, or both ``config`` and ``pretrained`` were given.
    """
    if pretrained is not None:
        if config:
            raise PresetError(f"config and pretrained exclude each other: '{pretrained}' brings its own configuration")
        try:
            return model.from_pretrained(pretrained, **options)
        except OSError as error:
            raise PresetError(f"pretrained: cannot load '{pretrained}': {error}") from error
    fields = {**defaults, **(config or {})}
    known = configuration()
    for name in fields:
        if not hasattr(known, name):
            raise unknown(name, sorted(known.to_dict()), "config", f"field of {configuration.__name__}")
    return model._from_config(configuration(**fields), **options)


def freeze(module: nn.Module) -> nn.Module:
    """``module``, never trained: no gradients, and, by ``Policy.train``, no dropout even while the rest trains."""
    module.requires_grad_(False)
    module.frozen = True
    return module.eval()
