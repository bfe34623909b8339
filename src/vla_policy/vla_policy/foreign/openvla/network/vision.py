"""The vision towers: plain vision transformers, read at the last but one block, as OpenVLA reads timm's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vla_policy.foreign.openvla.config import OpenVlaConfig, TowerSpec

NORM_EPSILON = 1e-6


class PatchEmbedding(nn.Module):
    """(B, 3, S, S) image -> (B, patches, width)."""

    def __init__(self, spec: TowerSpec) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, spec.width, spec.patch, spec.patch)

    def forward(self, image: Tensor) -> Tensor:
        return self.proj(image).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Every token attends to every token."""

    def __init__(self, spec: TowerSpec) -> None:
        super().__init__()
        self.heads = spec.heads
        self.qkv = nn.Linear(spec.width, 3 * spec.width)
        self.proj = nn.Linear(spec.width, spec.width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        query, key, value = self.qkv(x).reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))


class Mlp(nn.Module):
    """Two layers with the exact GELU between."""

    def __init__(self, spec: TowerSpec) -> None:
        super().__init__()
        self.fc1 = nn.Linear(spec.width, spec.mlp)
        self.fc2 = nn.Linear(spec.mlp, spec.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class LayerScale(nn.Module):
    """A learnt factor per feature."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale_factor = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale_factor


class Block(nn.Module):
    """Attention and MLP, each behind a norm and beside a shortcut. ``film``: language scales and shifts in between."""

    def __init__(self, spec: TowerSpec, language_width: int | None) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(spec.width, NORM_EPSILON)
        self.attn = Attention(spec)
        self.ls1 = LayerScale(spec.width) if spec.layer_scale else nn.Identity()
        self.norm2 = nn.LayerNorm(spec.width, NORM_EPSILON)
        self.mlp = Mlp(spec)
        self.ls2 = LayerScale(spec.width) if spec.layer_scale else nn.Identity()
        self.film = Film(language_width, spec.width) if language_width is not None else None

    def forward(self, x: Tensor, language: Tensor | None) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        if self.film is not None and language is not None:
            x = self.film(x, language)
        return x + self.ls2(self.mlp(self.norm2(x)))


class Film(nn.Module):
    """x -> (1 + gamma) x + beta, both linear in the mean embedding of the sentence; the same for all patches."""

    def __init__(self, language_width: int, width: int) -> None:
        super().__init__()
        self.scale = nn.Linear(language_width, width)
        self.shift = nn.Linear(language_width, width)

    def forward(self, x: Tensor, language: Tensor) -> Tensor:
        return x * (1 + self.scale(language)[:, None]) + self.shift(language)[:, None]


class Tower(nn.Module):
    """(B, 3, S, S) normalized image -> (B, patches, width) of the last but one block, without norm or other tokens.

    The last block, the norm and the pooling behind it are computed by nobody, so they are not here.
    """

    def __init__(self, spec: TowerSpec, patches: int, language_width: int | None) -> None:
        super().__init__()
        self.prefix = spec.prefix
        self.patch_embed = PatchEmbedding(spec)
        self.pos_embed = nn.Parameter(torch.empty(1, patches, spec.width))
        self.cls_token = nn.Parameter(torch.empty(1, 1, spec.width)) if spec.class_token else None
        self.reg_token = nn.Parameter(torch.empty(1, spec.registers, spec.width)) if spec.registers else None
        self.blocks = nn.ModuleList(Block(spec, language_width) for _ in range(spec.depth - 1))

    def forward(self, image: Tensor, language: Tensor | None) -> Tensor:
        x = self.patch_embed(image) + self.pos_embed
        before = [token.expand(len(x), -1, -1) for token in (self.cls_token, self.reg_token) if token is not None]
        x = torch.cat([*before, x], dim=1)
        for block in self.blocks:
            x = block(x, language)
        return x[:, self.prefix :]


class VisionBackbone(nn.Module):
    """Both towers, their features side by side; several images one after the other.

    language_width: of the sentence's embedding that conditions the towers; None: nothing does.
    """

    def __init__(self, config: OpenVlaConfig, language_width: int | None) -> None:
        super().__init__()
        for name, spec in zip(TOWER_NAMES, config.towers, strict=False):
            self.add_module(name, Tower(spec, config.patches, language_width))

    def forward(self, pixels: Tensor, language: Tensor | None = None) -> Tensor:
        """(B, images * towers * 3, S, S) -> (B, images * patches, width); language: (B, E) mean embedding."""
        towers = list(self.children())
        parts = pixels.split(3, dim=1)
        images = []
        for first in range(0, len(parts), len(towers)):
            of_one = zip(towers, parts[first : first + len(towers)], strict=True)
            images.append(torch.cat([tower(part, language) for tower, part in of_one], dim=2))
        return torch.cat(images, dim=1)


TOWER_NAMES = ("featurizer", "fused_featurizer")
