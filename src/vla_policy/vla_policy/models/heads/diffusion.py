"""Denoising diffusion over chunks of actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor

from vla_policy.models.heads.base import ActionHead, HeadShape
from vla_policy.models.registry import DENOISER, HEAD
from vla_policy.models.streams import Context, Target
from vla_policy.presets.spec import PresetError, unknown

SAMPLERS = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler}
PREDICTIONS = ("epsilon", "sample", "v_prediction")


@HEAD.register("diffusion")
class Diffusion(ActionHead):
    """DDPM in training (Ho et al. 2020, arXiv 2006.11239), DDPM or DDIM (arXiv 2010.02502) to act, by diffusers.

    Args:
        shape: set by the model.
        denoiser: block of ``DENOISER``, e.g. ``{type: unet}``.
        steps: of the noise in training.
        schedule: of the noise, as diffusers names it; the squared cosine of Nichol and Dhariwal 2021.
        prediction: what the denoiser says: ``epsilon``, ``sample`` or ``v_prediction``.
        sampler: ``ddim``: the answer follows from the first noise alone; ``ddpm``: new noise in each step, so that
            the same first noise answers differently and an exported model too.
        sampling_steps: of acting; None: ``steps``.
        draws: of noise for each sample of a batch in training: cheap, as the context is encoded once.
        clip: bound of normalized actions while sampling.
    """

    stochastic = True

    def __init__(
        self,
        shape: HeadShape,
        denoiser: Mapping[str, Any],
        steps: int = 100,
        schedule: str = "squaredcos_cap_v2",
        prediction: str = "epsilon",
        sampler: str = "ddim",
        sampling_steps: int | None = None,
        draws: int = 1,
        clip: float = 1.0,
    ) -> None:
        super().__init__(shape)
        if sampler not in SAMPLERS:
            raise unknown(sampler, tuple(SAMPLERS), "sampler", "sampler")
        if prediction not in PREDICTIONS:
            raise unknown(prediction, PREDICTIONS, "prediction", "kind of prediction")
        if sampling_steps is not None and not 1 <= sampling_steps <= steps:
            raise PresetError(f"sampling_steps: expected 1 to {steps}, the steps of training; got {sampling_steps}")
        self.denoiser = DENOISER.build(denoiser, "model.head.denoiser", shape)
        options = {
            "num_train_timesteps": steps,
            "beta_schedule": schedule,
            "prediction_type": prediction,
            "clip_sample": True,
            "clip_sample_range": clip,
        }
        # The schedule is a few numbers that diffusers keeps on the CPU; on the meta device there are none.
        with torch.device("cpu"):
            self.training_schedule = DDPMScheduler(**options)
            self.sampler = SAMPLERS[sampler](**options)
            self.sampler.set_timesteps(sampling_steps or steps)
            if sampler == "ddim":
                # The same numbers, no tensors: those would make an exported graph float64.
                self.sampler.alphas_cumprod = self.sampler.alphas_cumprod.tolist()
                self.sampler.final_alpha_cumprod = float(self.sampler.final_alpha_cumprod)
        self.steps = steps
        self.draws = draws
        self.prediction = prediction

    def loss(self, context: Context, target: Target) -> dict[str, Tensor]:
        context, target = context.repeated(self.draws), target.repeated(self.draws)
        actions = target.actions
        step = torch.randint(0, self.steps, (len(actions),), device=actions.device)
        noise = torch.randn_like(actions)
        noisy = self.training_schedule.add_noise(actions, noise, step)
        answer = self.denoiser(noisy, step / self.steps, context)
        wanted = {"epsilon": noise, "sample": actions}.get(self.prediction)
        if wanted is None:
            wanted = self.training_schedule.get_velocity(actions, noise, step)
        return {"action": target.mean((answer - wanted) ** 2)}

    def act(self, context: Context, noise: Tensor | None) -> Tensor:
        if noise is None:
            raise ValueError("a stochastic head is given its noise")
        x = noise
        for step in self.sampler.timesteps.tolist():
            time = torch.full((x.shape[0],), step / self.steps, device=x.device)
            x = self.sampler.step(self.denoiser(x, time, context), step, x).prev_sample
        return x
