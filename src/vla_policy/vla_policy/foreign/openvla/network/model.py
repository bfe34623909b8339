"""The whole model: towers, projector, Llama, and what OFT adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from vla_core.errors import ActionError
from vla_policy.foreign.openvla.config import OpenVlaConfig
from vla_policy.foreign.openvla.network.heads import ActionHead, ProprioProjector
from vla_policy.foreign.openvla.network.vision import VisionBackbone

STOP_TOKEN = 2
"""``</s>``, which training had after the last action."""


@dataclass(frozen=True, slots=True)
class OftSpec:
    """What a fine-tuned (OFT) checkpoint has beyond OpenVLA.

    horizon: actions of a chunk. columns: numbers of an action. proprio: numbers of the robot's state, 0: none.
    film: language conditions the towers. head: actions come from the regression head, not as tokens.
    """

    horizon: int
    columns: int
    proprio: int
    film: bool
    head: bool


class Projector(nn.Module):
    """Features of patches -> embeddings of the language model."""

    def __init__(self, vision_width: int, width: int, towers: int) -> None:
        super().__init__()
        middle = 4 * vision_width if towers == 2 else width
        self.fc1 = nn.Linear(vision_width, middle)
        self.fc2 = nn.Linear(middle, width)
        self.fc3 = nn.Linear(width, width) if towers == 2 else None

    def forward(self, features: Tensor) -> Tensor:
        x = self.fc2(nn.functional.gelu(self.fc1(features)))
        return x if self.fc3 is None else self.fc3(nn.functional.gelu(x))


class OpenVla(nn.Module):
    """OpenVLA, or with ``oft`` OpenVLA-OFT. All of it for a batch of one."""

    def __init__(self, config: OpenVlaConfig, oft: OftSpec | None = None) -> None:
        super().__init__()
        text = LlamaConfig(**config.text)
        text._attn_implementation = "sdpa"
        width = int(text.hidden_size)
        self.oft = oft
        self.vision_backbone = VisionBackbone(config, width if oft is not None and oft.film else None)
        self.projector = Projector(config.vision_width, width, len(config.towers))
        self.language_model = LlamaForCausalLM(text)
        if oft is not None:
            _attend_both_ways(self.language_model)
        self.proprio_projector = ProprioProjector(oft.proprio, width) if oft is not None and oft.proprio else None
        self.action_head = ActionHead(width, oft.columns) if oft is not None and oft.head else None

    @torch.inference_mode()
    def generate(self, ids: list[int], pixels: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The likeliest ``count`` tokens one after the other (count,), and their logits (count, vocabulary).

        Raises:
            ActionError: a logit is not finite.
        """
        prefix = self._prefix(self._embed(ids), self.projector(self.vision_backbone(pixels)))
        cache = DynamicCache(config=self.language_model.config)
        step: dict[str, Any] = {"inputs_embeds": prefix}
        chosen: list[Tensor] = []
        rows: list[Tensor] = []
        for _ in range(count):
            output = self.language_model(**step, past_key_values=cache, use_cache=True, logits_to_keep=1)
            rows.append(output.logits[0, -1])
            chosen.append(rows[-1].argmax())
            step = {"input_ids": chosen[-1].reshape(1, 1)}
        return torch.stack(chosen), _finite(torch.stack(rows), "logits")

    @torch.inference_mode()
    def decode_parallel(self, ids: list[int], pixels: Tensor, proprio: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All actions of a chunk in one pass.

        proprio: (D,) normalized, where the checkpoint has a projector for it.

        Returns: (horizon, columns) normalized actions of the head, or (horizon * columns,) tokens where there is
            none; and the logits or hidden states they came from (horizon * columns, n).

        Raises:
            ActionError: the network's numbers are not finite.
        """
        oft = self.oft
        if oft is None:
            raise ValueError("only OFT checkpoints decode in parallel")
        prompt, stop = self._embed(ids), self._embed([STOP_TOKEN])
        language = torch.cat([prompt, stop], dim=1).mean(dim=1) if oft.film else None
        images = self.projector(self.vision_backbone(pixels, language))
        if self.proprio_projector is not None:
            if proprio is None:
                raise ValueError("this checkpoint needs the robot's state")
            images = torch.cat([images, self.proprio_projector(proprio[None, None].to(images.dtype))], dim=1)
        count = oft.horizon * oft.columns
        blanks = prompt.new_zeros(1, count, prompt.shape[2])  # actions are told apart by their place alone
        prefix = self._prefix(torch.cat([prompt, blanks, stop], dim=1), images)
        hidden = self.language_model.model(inputs_embeds=prefix, use_cache=False).last_hidden_state
        first = images.shape[1] + len(ids) - 1  # each action is read one place early, as tokens are predicted
        hidden = hidden[:, first : first + count]
        if self.action_head is None:
            logits = _finite(self.language_model.lm_head(hidden)[0], "logits")
            return logits.argmax(dim=-1), logits
        actions = self.action_head(hidden.reshape(1, oft.horizon, -1))[0]
        return _finite(actions, "actions"), hidden[0]

    def _embed(self, ids: list[int]) -> Tensor:
        table = self.language_model.model.embed_tokens
        return table(torch.tensor([ids], device=table.weight.device))

    def _prefix(self, text: Tensor, images: Tensor) -> Tensor:
        """The images follow the start token."""
        return torch.cat([text[:, :1], images, text[:, 1:]], dim=1)


def _attend_both_ways(model: LlamaForCausalLM) -> None:
    """OFT was trained with every token of the sequence seeing every other."""
    model.config.is_causal = False
    for layer in model.model.layers:
        layer.self_attn.is_causal = False


def _finite(values: Tensor, what: str) -> Tensor:
    if not bool(torch.isfinite(values).all()):
        raise ActionError(f"the network's {what} are not finite; the checkpoint or its number format is broken")
    return values
