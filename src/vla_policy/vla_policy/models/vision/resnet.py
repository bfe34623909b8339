"""ResNets with pooled, spatial or keypoint features, modulated by language where asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from vla_policy.models.layers.film import FiLM
from vla_policy.models.pretrained import freeze, make_transformers_model
from vla_policy.models.registry import VISION
from vla_policy.models.vision.base import VisionEncoder
from vla_policy.presets.spec import PresetError, unknown

FEATURES = ("pooled", "spatial", "keypoints")
# He et al. 2016, arXiv 1512.03385, table 1
RESNET50: dict[str, Any] = {}
RESNET18: dict[str, Any] = {"layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]}


class SpatialSoftmax(nn.Module):
    """(B, C, h, w) -> (B, keypoints, 2): where each map is strongest, in [-1, 1] (Levine et al. 2016, section 5.1)."""

    def __init__(self, channels: int, keypoints: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(channels, keypoints, 1)

    def forward(self, features: Tensor) -> Tensor:
        maps = self.maps(features)
        rows = torch.linspace(-1.0, 1.0, int(maps.shape[2]), device=maps.device)
        columns = torch.linspace(-1.0, 1.0, int(maps.shape[3]), device=maps.device)
        weights = maps.flatten(2).softmax(-1).unflatten(2, maps.shape[2:])
        x = (weights.sum(2) * columns).sum(-1)
        y = (weights.sum(3) * rows).sum(-1)
        return torch.stack([x, y], -1)


def with_group_norm(module: nn.Module, channels_per_group: int = 16) -> nn.Module:
    """``module`` with group in place of batch normalization (Diffusion Policy, arXiv 2303.04137, section 3.2)."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            groups = max(1, child.num_features // channels_per_group)
            setattr(module, name, nn.GroupNorm(groups, child.num_features))
        else:
            with_group_norm(child, channels_per_group)
    return module


class ResNet(VisionEncoder):
    """A ResNet of transformers.

    Args:
        height: of the images, set by the camera.
        width: of the images, set by the camera.
        condition: width of the sentence.
        features: ``pooled``: one token, the mean; ``spatial``: one token for each place of the last map;
            ``keypoints``: one token, the coordinates of a spatial softmax.
        keypoints: how many of them.
        film: whether the sentence modulates the output of every residual block (BC-Z, arXiv 2202.02005, section 5).
        group_norm: group in place of batch normalization, as small batches and averaged weights need.
        defaults: fields of the configuration of the size that the block is named after.
        config: fields of the transformers configuration.
        pretrained: hub name or local folder.
        frozen: never trained.
    """

    def __init__(
        self,
        height: int,
        width: int,
        condition: int | None,
        features: str = "spatial",
        keypoints: int = 32,
        film: bool = False,
        group_norm: bool = False,
        defaults: Mapping[str, Any] = RESNET50,
        config: Mapping[str, Any] | None = None,
        pretrained: str | None = None,
        frozen: bool = False,
    ) -> None:
        if features not in FEATURES:
            raise unknown(features, FEATURES, "features", "kind of features")
        if film and condition is None:
            raise PresetError("film: there is no sentence to modulate by; add a language encoder")
        net = make_transformers_model(transformers.ResNetModel, transformers.ResNetConfig, defaults, config, pretrained)
        channels = net.config.hidden_sizes[-1]
        count = -(-height // 32) * -(-width // 32) if features == "spatial" else 1
        super().__init__(2 * keypoints if features == "keypoints" else channels, count)
        net = with_group_norm(net) if group_norm else net
        self.net = freeze(net) if frozen else net
        self.features = features
        self.conditioned = film
        self.keypoints = SpatialSoftmax(channels, keypoints) if features == "keypoints" else None
        widths = [size for size, depth in zip(net.config.hidden_sizes, net.config.depths) for _ in range(depth)]
        self.films = nn.ModuleList(FiLM(condition or 0, size) for size in widths) if film else None

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        x = self.net.embedder(self.colours(images))
        blocks = [block for stage in self.net.encoder.stages for block in stage.layers]
        for index, block in enumerate(blocks):
            x = block(x)
            if self.films is not None:
                x = self.films[index](x, condition)
        if self.keypoints is not None:
            return self.keypoints(x).flatten(1)[:, None]
        tokens = x.flatten(2).transpose(1, 2)
        return tokens if self.features == "spatial" else tokens.mean(1, keepdim=True)


VISION.register("resnet50")(ResNet)
VISION.register("resnet18", defaults=RESNET18)(ResNet)
