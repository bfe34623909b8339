"""All streams as the prefix of a decoder language model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import transformers
from torch import Tensor, nn

from vla_policy.models.fusion.base import Fusion, common_width, joined, total_count
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.pretrained import freeze, make_transformers_model
from vla_policy.models.registry import FUSION
from vla_policy.models.streams import Context, ContextShape, Stream, StreamShape


@FUSION.register("prefix")
class Prefix(Fusion):
    """A Llama-family decoder reads the tokens; its last hidden states are the context (LLaVA, arXiv 2304.08485, 4.1).

    Args:
        streams: their shapes, set by the model. They have one width, from which an MLP leads to the decoder's.
        config: fields of the transformers configuration, over those of Llama 2 7B.
        pretrained: hub name or local folder.
        frozen: never trained.
    """

    def __init__(
        self,
        streams: Mapping[str, StreamShape],
        config: Mapping[str, Any] | None = None,
        pretrained: str | None = None,
        frozen: bool = False,
    ) -> None:
        model, configuration = transformers.LlamaModel, transformers.LlamaConfig
        net = make_transformers_model(model, configuration, {}, config, pretrained)
        width = net.config.hidden_size
        super().__init__(ContextShape(width, total_count(streams)))
        net.embed_tokens = nn.Identity()  # it reads embeddings, not ids
        self.enter = mlp(common_width(streams), [width], width)
        self.net = freeze(net) if frozen else net

    def forward(self, streams: Mapping[str, Stream], robot: Tensor) -> Context:
        tokens, mask = joined(streams)
        positions = (mask.long().cumsum(1) - 1).clamp(min=0)
        hidden = self.net(inputs_embeds=self.enter(tokens), attention_mask=mask.long(), position_ids=positions)
        return Context(hidden.last_hidden_state, mask, robot)
