"""A vision-language model that says actions as words of its own vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
import transformers
from torch import Tensor, nn

from vla_policy.models.batch import Batch
from vla_policy.models.bodies.base import Body, Prediction
from vla_policy.models.heads.bins import Bins
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.layers.tokens import learned
from vla_policy.models.observation import ObservationEncoder
from vla_policy.models.pretrained import make_transformers_model
from vla_policy.models.registry import BODY
from vla_policy.models.streams import Target
from vla_policy.presets.spec import ModelSpec, PresetError


@BODY.register("action_tokens")
class ActionTokens(Body):
    """Image tokens, then the sentence, then one token for each number of the chunk, the last ids of the vocabulary.

    RT-2 (Brohan et al. 2023, arXiv 2307.15818, section 3.2), built as OpenVLA is (arXiv 2406.09246, section 3.1): the
    least used ids at the end of the vocabulary become the bins. A learned token between sentence and actions stands at
    the same place whatever the sentence's length, so that padded batches predict what single sentences do.

    Args:
        spec: of the model, set by it; it needs ``vision``, and neither ``language``, ``fusion`` nor ``head``.
        config: fields of the Llama configuration, over those of Llama 2 7B.
        pretrained: hub name or local folder of a decoder.
        bins: of one number.
        low: of the bins, in normalized actions.
        high: of the bins, in normalized actions.
    """

    def __init__(
        self,
        spec: ModelSpec,
        config: Mapping[str, Any] | None = None,
        pretrained: str | None = None,
        bins: int = 256,
        low: float = -1.0,
        high: float = 1.0,
    ) -> None:
        super().__init__(spec)
        if spec.vision is None or spec.language is not None or spec.fusion is not None or spec.head is not None:
            raise PresetError("needs vision, and has language, fusion and head in itself; set those to null")
        if spec.width is not None:
            raise PresetError("the language model sets the width; set the model's width to null")
        self.observation = ObservationEncoder(spec)
        model, configuration = transformers.LlamaForCausalLM, transformers.LlamaConfig
        self.lm = make_transformers_model(model, configuration, {}, config, pretrained)
        width, self.vocabulary = self.lm.config.hidden_size, self.lm.config.vocab_size
        if bins > self.vocabulary:
            raise PresetError(f"bins: {bins} do not fit in a vocabulary of {self.vocabulary}")
        self.enter = nn.ModuleDict(
            {name: mlp(shape.width, [4 * shape.width, width], width) for name, shape in self.observation.shapes.items()}
        )
        self.start = learned(1, width)
        self.bins = Bins(bins, low, high)
        self.first = self.vocabulary - bins

    def loss(self, batch: Batch, target: Target) -> tuple[Tensor, dict[str, Tensor]]:
        labels = (self.bins.encode(target.actions) + self.first).flatten(1)
        prefix, mask = self._prefix(batch)
        said = self.lm.get_input_embeddings()(labels[:, :-1])
        mask = torch.cat([mask, mask.new_ones(said.shape[:2])], 1)
        answer = self._run(torch.cat([prefix, said], 1), mask)
        logits = answer.logits[:, -labels.shape[1] :]
        error = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view_as(target.actions)
        hits = (logits.argmax(-1) == labels).to(error.dtype).view_as(target.actions)
        loss = target.mean(error)
        return loss, {"action": loss, "accuracy": target.mean(hits).detach()}

    def predict(self, batch: Batch, noise: Tensor | None) -> Prediction:
        """Greedy, number by number, among the action ids alone."""
        x, mask = self._prefix(batch)
        cache = None
        values = []
        for _ in range(self.spec.horizon * self.spec.action_dim):
            answer = self._run(x, mask, cache)
            cache = answer.past_key_values
            chosen = answer.logits[:, -1, self.first :].argmax(-1)
            values.append(self.bins.values[chosen])
            x = self.lm.get_input_embeddings()(chosen[:, None] + self.first)
            mask = torch.cat([mask, mask.new_ones(mask.shape[0], 1)], 1)
        actions = torch.stack(values, 1).unflatten(1, (self.spec.horizon, self.spec.action_dim))
        return Prediction(actions)

    def _run(self, x: Tensor, mask: Tensor, cache: Any = None) -> Any:
        """x: the newest tokens; mask: of all so far."""
        positions = (mask.long().cumsum(1) - 1)[:, -x.shape[1] :].clamp(min=0)
        return self.lm(
            inputs_embeds=x,
            attention_mask=mask.long(),
            position_ids=positions,
            past_key_values=cache,
            use_cache=not self.training,
        )

    def _prefix(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Embeddings (B, S, W) and mask (B, S) up to where the actions begin."""
        streams = self.observation(batch)
        parts = [self.enter[name](stream.tokens) for name, stream in streams.items()]
        masks = [stream.mask for stream in streams.values()]
        parts += [self.lm.get_input_embeddings()(batch.text_ids), self.start.expand(batch.size, -1, -1)]
        masks += [batch.text_mask, batch.text_mask.new_ones(batch.size, 1)]
        return torch.cat(parts, 1), torch.cat(masks, 1)
