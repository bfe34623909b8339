"""The sentence modulates the image tokens."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from vla_policy.models.fusion.base import Fusion, common_width, joined, total_count
from vla_policy.models.layers.film import FiLM
from vla_policy.models.registry import FUSION
from vla_policy.models.streams import Context, ContextShape, Stream, StreamShape, masked_mean
from vla_policy.presets.spec import PresetError


@FUSION.register("film")
class FilmFusion(Fusion):
    """FiLM after every residual MLP over the image tokens (Perez et al. 2018, arXiv 1709.07871, section 2).

    The sentence itself is not in the context; state and robot are.

    Args:
        streams: their shapes, set by the model.
        layers: residual blocks.
        hidden: of each block's MLP.
    """

    def __init__(self, streams: Mapping[str, StreamShape], layers: int = 2, hidden: int = 512) -> None:
        if "vision" not in streams or "language" not in streams:
            raise PresetError(f"needs the streams vision and language; the model has {', '.join(streams)}")
        width = common_width(streams)
        kept = {name: shape for name, shape in streams.items() if name != "language"}
        super().__init__(ContextShape(width, total_count(kept)))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.films = nn.ModuleList(FiLM(width, width, zero=False) for _ in range(layers))
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)) for _ in range(layers)
        )

    def forward(self, streams: Mapping[str, Stream], robot: Tensor) -> Context:
        language = streams["language"]
        sentence = masked_mean(language.tokens, language.mask)
        x = streams["vision"].tokens
        for norm, film, block in zip(self.norms, self.films, self.mlps):
            x = x + block(film(norm(x), sentence))
        kept = {name: stream for name, stream in streams.items() if name != "language"}
        tokens, mask = joined({**kept, "vision": Stream(x, streams["vision"].mask)})
        return Context(tokens, mask, robot)
