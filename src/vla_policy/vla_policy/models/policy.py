"""The one interface of every model: a batch in, a loss or actions out."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from vla_core.errors import ObservationError
from vla_policy.models.batch import Batch
from vla_policy.models.bodies.base import Prediction
from vla_policy.models.normalization import Normalization
from vla_policy.models.registry import BODY
from vla_policy.models.streams import Target
from vla_policy.presets import Preset


class Policy(nn.Module):
    """A model as a preset composes it.

    A training loop needs this much::

        policy = build_policy(load_preset("cross_attention", "tiny"))
        policy.normalize_state.set(mean, std)
        policy.normalize_action.set(middle, half_range)     # heads answer in about [-1, 1]
        optimizer = torch.optim.AdamW([p for p in policy.parameters() if p.requires_grad], lr=1e-4)
        policy.train()
        loss, parts = policy.loss(batch)
        loss.backward(); optimizer.step(); policy.after_step()
        policy.eval()
        actions = policy.act(batch)                          # (B, horizon, A), physical

    Statistics are buffers, so they are saved with the weights; ``save_policy`` and ``load_policy`` do both.

    Args:
        preset: from ``load_preset``.
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        spec = preset.model
        self.preset = preset
        self.spec = spec
        self.normalize_state = Normalization(len(spec.robots), spec.state_dim)
        self.normalize_action = Normalization(len(spec.robots), spec.action_dim)
        columns = torch.arange(spec.action_dim)
        has = torch.stack([columns < robot.action for robot in spec.robots])
        self.register_buffer("has_column", has, persistent=False)
        self.body = BODY.build(spec.body, "model.body", spec)

    @property
    def stochastic(self) -> bool:
        """Whether ``act`` starts from noise, and so answers differently each time unless it is given."""
        return bool(self.body.stochastic)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """What is minimized (a scalar), and its parts by name, for the log.

        Raises:
            ObservationError: the batch does not fit the preset, or has no ``actions``.
        """
        inputs = self._inputs(batch)
        if batch.following is not None:
            inputs = replace(inputs, following=self._inputs(batch.following))
        if batch.actions is None:
            raise ObservationError("batch.actions: missing; a loss needs labels")
        self._shape("actions", batch.actions, (batch.size, self.spec.horizon, self.spec.action_dim))
        weight = self.has_column[inputs.robot][:, None].expand_as(batch.actions).to(batch.actions.dtype)
        if batch.padding is not None:
            self._shape("padding", batch.padding, (batch.size, self.spec.horizon))
            weight = weight * (~batch.padding)[:, :, None]
        actions = self.normalize_action.normalize(batch.actions, inputs.robot)
        return self.body.loss(inputs, Target(actions, weight, batch.skill))

    def predict(self, batch: Batch, noise: Tensor | None = None) -> Prediction:
        """Actions in physical numbers, and what the auxiliary heads say.

        Args:
            batch: observations; labels are not read.
            noise: (B, H, A) standard normal that a stochastic model starts from; None: drawn here.

        Raises:
            ObservationError: the batch does not fit the preset.
        """
        inputs = self._inputs(batch)
        if self.stochastic and noise is None:
            shape = (batch.size, self.spec.horizon, self.spec.action_dim)
            noise = torch.randn(shape, device=batch.device)
        answer = self.body.predict(inputs, noise)
        actions = self.normalize_action.unnormalize(answer.actions, inputs.robot)
        has = self.has_column[inputs.robot][:, None].expand_as(actions)
        return replace(answer, actions=torch.where(has, actions, torch.zeros_like(actions)))

    @torch.no_grad()
    def act(self, batch: Batch, noise: Tensor | None = None) -> Tensor:
        """(B, H, A) actions in the robot's action space and kind; see ``predict``."""
        return self.predict(batch, noise).actions

    def after_step(self) -> None:
        """To be called after each step of the optimizer; some models average their weights here."""
        self.body.after_step()

    def train(self, mode: bool = True) -> Policy:
        """Training mode for all but what is frozen."""
        super().train(mode)
        self.body.set_frozen()
        return self

    def _inputs(self, batch: Batch) -> Batch:
        """The batch with its state normalized and its robot given."""
        spec, size = self.spec, batch.size
        for camera in spec.cameras if spec.vision is not None or spec.body["type"] != "composed" else ():
            shape = (size, spec.history, 3, camera.height, camera.width)
            self._shape(f"images['{camera.name}']", batch.images.get(camera.name), shape)
        for camera in spec.cameras:
            if camera.depth:
                shape = (size, spec.history, 1, camera.height, camera.width)
                self._shape(f"depth['{camera.name}']", batch.depth.get(camera.name), shape)
        self._shape("text_mask", batch.text_mask, tuple(batch.text_ids.shape))
        robot = batch.robot
        if robot is None:
            if len(spec.robots) > 1:
                names = ", ".join(one.name for one in spec.robots)
                raise ObservationError(f"batch.robot: missing; this model drives several robots: {names}")
            robot = torch.zeros(size, dtype=torch.int64, device=batch.device)
        if spec.state == "none":
            return replace(batch, robot=robot, state=None)
        self._shape("state", batch.state, (size, spec.state_dim))
        return replace(batch, robot=robot, state=self.normalize_state.normalize(batch.state, robot))

    @staticmethod
    def _shape(name: str, tensor: Tensor | None, expected: tuple[int, ...]) -> None:
        if tensor is None:
            raise ObservationError(f"batch.{name}: missing; expected shape {expected}")
        if tuple(tensor.shape) != expected:
            raise ObservationError(f"batch.{name}: expected shape {expected}; got {tuple(tensor.shape)}")
