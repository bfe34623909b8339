"""EfficientNet modulated by language, and TokenLearner: the image tokenizer of RT-1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import transformers
from torch import Tensor, nn

from vla_policy.models.layers.film import FiLM
from vla_policy.models.pretrained import freeze, make_transformers_model
from vla_policy.models.registry import VISION
from vla_policy.models.vision.base import VisionEncoder
from vla_policy.presets.spec import PresetError

# Tan and Le 2019, arXiv 1905.11946, EfficientNet-B3
B3 = {
    "width_coefficient": 1.2,
    "depth_coefficient": 1.4,
    "hidden_dim": 1536,
    "depthwise_padding": [5, 18],
    "batch_norm_momentum": 0.01,  # Keras' 0.99, said as PyTorch says it
    "dropout_rate": 0.3,
}


class TokenLearner(nn.Module):
    """(B, C, h, w) -> (B, tokens, C): each token a mean of all places, with weights learned from them.

    Ryoo et al. 2021, arXiv 2106.11297, version 1.1 (an MLP over the channels), as RT-1 uses it.
    """

    def __init__(self, channels: int, tokens: int, hidden: int = 64) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.select = nn.Sequential(nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, tokens))

    def forward(self, features: Tensor) -> Tensor:
        x = features.flatten(2).transpose(1, 2)
        weights = self.select(self.norm(x)).softmax(1)
        return weights.transpose(1, 2) @ x


@VISION.register("efficientnet")
class EfficientNet(VisionEncoder):
    """EfficientNet-B3 with FiLM after every block, projected to ``width`` channels.

    RT-1 (Brohan et al. 2022, arXiv 2212.06817, section 5.1).

    Args:
        height: of the images, set by the camera.
        width: of the images, set by the camera.
        condition: width of the sentence.
        channels: of the tokens.
        tokens: of TokenLearner; None: one for each place of the last map.
        film: whether the sentence modulates.
        config: fields of the transformers configuration.
        pretrained: hub name or local folder.
        frozen: never trained.
    """

    def __init__(
        self,
        height: int,
        width: int,
        condition: int | None,
        channels: int = 512,
        tokens: int | None = 8,
        film: bool = True,
        config: Mapping[str, Any] | None = None,
        pretrained: str | None = None,
        frozen: bool = False,
    ) -> None:
        if film and condition is None:
            raise PresetError("film: there is no sentence to modulate by; add a language encoder, or set film: false")
        net = make_transformers_model(
            transformers.EfficientNetModel, transformers.EfficientNetConfig, B3, config, pretrained
        )
        super().__init__(channels, tokens or -(-height // 32) * -(-width // 32))
        self.conditioned = film
        self.net = freeze(net) if frozen else net
        last = net.encoder.top_bn.num_features
        self.project = nn.Conv2d(last, channels, 1, bias=False)
        self.learner = None if tokens is None else TokenLearner(channels, tokens)
        self.films = None
        self.film = None
        if film:
            widths = [block.projection.project_bn.num_features for block in net.encoder.blocks]
            self.films = nn.ModuleList(FiLM(condition or 0, size) for size in widths)
            self.film = FiLM(condition or 0, channels)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        x = self.net.embeddings(self.colours(images))
        encoder = self.net.encoder
        for index, block in enumerate(encoder.blocks):
            x = block(x)
            if self.films is not None:
                x = self.films[index](x, condition)
        x = self.project(encoder.top_activation(encoder.top_bn(encoder.top_conv(x))))
        if self.film is not None:
            x = self.film(x, condition)
        return x.flatten(2).transpose(1, 2) if self.learner is None else self.learner(x)
