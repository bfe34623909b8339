"""pi0 as transformers has it: PaliGemma and an action expert that reads its keys and values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
import transformers
from torch import Tensor

from vla_policy.models.batch import Batch
from vla_policy.models.bodies.base import Body, Prediction
from vla_policy.models.heads.flow import beta_time
from vla_policy.models.pretrained import make_transformers_model
from vla_policy.models.registry import BODY
from vla_policy.models.streams import Target
from vla_policy.presets.spec import ModelSpec, PresetError


@BODY.register("pi0")
class Pi0(Body):
    """Black et al. 2024, "pi0: A Vision-Language-Action Flow Model", arXiv 2410.24164, section IV.

    States and actions of fewer numbers than the model has are padded with zeros, as pi0 does for its robots.

    Args:
        spec: of the model, set by it; vision, language, fusion and head are in the model itself.
        config: fields of transformers' ``PI0Config``, nested ones too.
        pretrained: hub name or local folder.
        steps: of Euler's method when acting.
        draws: of noise and time for each sample of a batch in training.
    """

    stochastic = True
    not_exported = "transformers' pi0 finds the places of the images by a cumulative sum of booleans, which ONNX lacks"

    def __init__(
        self,
        spec: ModelSpec,
        config: Mapping[str, Any] | None = None,
        pretrained: str | None = None,
        steps: int = 10,
        draws: int = 1,
    ) -> None:
        super().__init__(spec)
        if any(block is not None for block in (spec.vision, spec.language, spec.fusion, spec.head)):
            raise PresetError("has vision, language, fusion and head in itself; set those to null")
        if spec.history != 1 or len(spec.robots) != 1 or spec.state != "token":
            raise PresetError("takes one frame, one robot and its state; set history: 1 and state: token")
        model, configuration = transformers.PI0ForConditionalGeneration, transformers.PI0Config
        sizes = {"chunk_size": spec.horizon, "loss_reduction": "none"}
        self.net = make_transformers_model(model, configuration, sizes, config, pretrained)
        # The expert gets embeddings, never ids; its table of words would be dead weight.
        self.net.model.dit.embed_tokens = None
        made = self.net.config
        vision = made.vlm_config.vision_config
        for camera in spec.cameras:
            if (camera.height, camera.width) != (vision.image_size, vision.image_size):
                raise PresetError(
                    f"camera {camera.name}: the model takes {vision.image_size}x{vision.image_size} pixels"
                )
        if spec.state_dim > made.max_state_dim or spec.action_dim > made.max_action_dim:
            raise PresetError(
                f"states of at most {made.max_state_dim}, actions of at most {made.max_action_dim} numbers"
            )
        # Of the last layer of the language model the expert reads keys and values alone.
        self.silent = (
            f"language_model.layers.{made.vlm_config.text_config.num_hidden_layers - 1}.",
            "language_model.norm",
        )
        self.image_tokens = (vision.image_size // vision.patch_size) ** 2
        self.steps = steps
        self.draws = draws

    def loss(self, batch: Batch, target: Target) -> tuple[Tensor, dict[str, Tensor]]:
        target = target.repeated(self.draws)
        noise = torch.randn_like(target.actions)
        inputs = {name: value.repeat_interleave(self.draws, 0) for name, value in self._inputs(batch).items()}
        answer = self.net(
            **inputs,
            noise=self._padded(noise, self.net.config.max_action_dim),
            timestep=beta_time(len(noise), noise.device),
            actions=self._padded(target.actions, self.net.config.max_action_dim),
        )
        loss = target.mean(answer.loss[..., : self.spec.action_dim])
        return loss, {"action": loss}

    def predict(self, batch: Batch, noise: Tensor | None) -> Prediction:
        if noise is None:
            raise ValueError("a stochastic body is given its noise")
        wide = self._padded(noise, self.net.config.max_action_dim)
        actions = self.net.sample_actions(**self._inputs(batch), noise=wide, num_steps=self.steps)
        return Prediction(actions[..., : self.spec.action_dim])

    def _inputs(self, batch: Batch) -> dict[str, Tensor]:
        images = torch.stack([batch.images[camera.name][:, 0] for camera in self.spec.cameras], 1)
        seen = self.image_tokens * images.shape[1]
        places = batch.text_ids.new_full((batch.size, seen), self.net.config.vlm_config.image_token_id)
        everything = batch.text_mask.new_ones(batch.size, seen)
        return {
            "state": self._padded(batch.state, self.net.config.max_state_dim),
            "input_ids": torch.cat([places, batch.text_ids], 1),
            "attention_mask": torch.cat([everything, batch.text_mask], 1).long(),
            "pixel_values": images * 2 - 1,
            "pixel_attention_mask": everything.new_ones(images.shape[:2]),
        }

    @staticmethod
    def _padded(x: Tensor | None, width: int) -> Tensor:
        if x is None:
            raise ValueError("the state was checked before")
        return F.pad(x, (0, width - x.shape[-1]))
