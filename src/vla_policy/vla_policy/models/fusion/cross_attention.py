"""Cross-attention between the image and the sentence, in either direction or both."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from vla_policy.models.fusion.base import Fusion, common_width, joined, total_count
from vla_policy.models.layers.transformer import Transformer, key_mask
from vla_policy.models.registry import FUSION
from vla_policy.models.streams import Context, ContextShape, Stream, StreamShape
from vla_policy.presets.spec import PresetError, unknown

DIRECTIONS = ("vision_to_language", "language_to_vision", "both")


@FUSION.register("cross_attention")
class CrossAttention(Fusion):
    """One stream asks the other; in ``both`` each asks the other (co-attention of ViLBERT, arXiv 1908.02265, sec. 2.1).

    The context holds what has asked, and the remaining streams (state, robot) as they are.

    Args:
        streams: their shapes, set by the model.
        direction: ``vision_to_language``: image tokens are the queries; ``language_to_vision``: words are.
        layers: of each direction: self-attention, cross-attention, MLP.
        heads: of the attention.
        mlp: hidden width; None: four times the width.
        dropout: in training.
    """

    def __init__(
        self,
        streams: Mapping[str, StreamShape],
        direction: str = "both",
        layers: int = 2,
        heads: int = 8,
        mlp: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        if direction not in DIRECTIONS:
            raise unknown(direction, DIRECTIONS, "direction", "direction")
        if "vision" not in streams or "language" not in streams:
            raise PresetError(f"needs the streams vision and language; the model has {', '.join(streams)}")
        width = common_width(streams)
        asking = {"vision_to_language": ("vision",), "language_to_vision": ("language",)}
        self_asking = asking.get(direction, ("vision", "language"))
        kept = {name: shape for name, shape in streams.items() if name in self_asking or not _modal(name)}
        super().__init__(ContextShape(width, total_count(kept)))
        self.asking = self_asking
        self.transformers = nn.ModuleDict(
            {name: Transformer(width, layers, heads, mlp, width, dropout) for name in self_asking}
        )

    def forward(self, streams: Mapping[str, Stream], robot: Tensor) -> Context:
        result = {name: stream for name, stream in streams.items() if not _modal(name)}
        for name in self.asking:
            asked = streams["language" if name == "vision" else "vision"]
            own = streams[name]
            tokens = self.transformers[name](own.tokens, key_mask(own.mask), asked.tokens, key_mask(asked.mask))
            result[name] = Stream(tokens, own.mask)
        tokens, mask = joined(result)
        return Context(tokens, mask, robot)


def _modal(name: str) -> bool:
    return name in ("vision", "language")
