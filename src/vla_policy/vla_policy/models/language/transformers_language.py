"""Sentence encoders of transformers: BERT, T5, GPT-2, CLIP's, Llama's, the bundled MiniLM, and any by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import transformers
from torch import Tensor

from vla_policy.models.language.base import LanguageEncoder
from vla_policy.models.pretrained import freeze, make_transformers_model
from vla_policy.models.registry import LANGUAGE
from vla_policy.presets.spec import PresetError, unknown

BUNDLED = "bundled"
# Name -> model, configuration, the field values of the size that is meant.
FAMILIES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    # Devlin et al. 2019, arXiv 1810.04805: BERT-base
    "bert": (transformers.BertModel, transformers.BertConfig, {}),
    # Raffel et al. 2020, arXiv 1910.10683: T5-base
    "t5": (
        transformers.T5EncoderModel,
        transformers.T5Config,
        {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12},
    ),
    # Radford et al. 2019: GPT-2 small
    "gpt2": (transformers.GPT2Model, transformers.GPT2Config, {}),
    # Radford et al. 2021, arXiv 2103.00020
    "clip_text": (transformers.CLIPTextModel, transformers.CLIPTextConfig, {}),
    # Touvron et al. 2023, arXiv 2307.09288: Llama 2 7B
    "llama": (transformers.LlamaModel, transformers.LlamaConfig, {}),
    # Wang et al. 2020, arXiv 2002.10957, as sentence-transformers/all-MiniLM-L6-v2
    "minilm": (
        transformers.BertModel,
        transformers.BertConfig,
        {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
    ),
}


class TransformersLanguage(LanguageEncoder):
    """The last hidden state of every token.

    Args:
        family: key of ``FAMILIES``; ``auto``: whatever ``pretrained`` is.
        config: fields of the transformers configuration, over those of the size in the paper.
        pretrained: hub name or local folder; ``bundled``: the weights that the package of MiniLM carries.
        frozen: never trained.
    """

    def __init__(
        self,
        family: str = "auto",
        config: Mapping[str, Any] | None = None,
        pretrained: str | None = None,
        frozen: bool = False,
    ) -> None:
        if family == "auto":
            if pretrained is None:
                raise PresetError("pretrained: missing; give a hub name or a local folder")
            net = make_transformers_model(transformers.AutoModel, None, {}, config, pretrained)
        elif family not in FAMILIES:
            raise unknown(family, ("auto", *FAMILIES), "family", "language family")
        else:
            if pretrained == BUNDLED:
                pretrained = _bundled(family)
            model, configuration, defaults = FAMILIES[family]
            options: dict[str, Any] = {"add_pooling_layer": False} if family in ("bert", "minilm") else {}
            net = make_transformers_model(model, configuration, defaults, config, pretrained, **options)
        # Of encoder-decoders (T5 by its hub name) the encoder is what reads.
        net = net.get_encoder() if getattr(net.config, "is_encoder_decoder", False) else net
        super().__init__(net.config.hidden_size)
        self.net = freeze(net) if frozen else net

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.net(input_ids=ids, attention_mask=mask.long()).last_hidden_state


def _bundled(family: str) -> str:
    if family != "minilm":
        raise PresetError(f"pretrained: only minilm is bundled; give '{family}' a hub name or a local folder")
    from vla_policy.training.language import minilm_folder

    return str(minilm_folder())


for _family in ("auto", *FAMILIES):
    LANGUAGE.register(_family, family=_family)(TransformersLanguage)
