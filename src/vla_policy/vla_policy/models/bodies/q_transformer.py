"""Offline Q-learning, one number of the action after the other."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vla_core.errors import ObservationError
from vla_policy.models.batch import Batch
from vla_policy.models.bodies.base import Body, Prediction
from vla_policy.models.heads.bins import Bins
from vla_policy.models.layers.per_robot import PerRobotLinear
from vla_policy.models.layers.tokens import learned
from vla_policy.models.layers.transformer import Transformer, key_mask
from vla_policy.models.observation import ObservationEncoder
from vla_policy.models.pretrained import freeze
from vla_policy.models.registry import BODY, FUSION
from vla_policy.models.streams import Context, Target
from vla_policy.presets.spec import ModelSpec, PresetError


class QNetwork(nn.Module):
    """Q of every bin of every number, each knowing the observation and the numbers before it."""

    def __init__(self, spec: ModelSpec, bins: int, decoder: Mapping[str, Any]) -> None:
        super().__init__()
        if spec.fusion is None:
            raise PresetError("model.fusion: missing; the Q-Transformer needs one")
        self.observation = ObservationEncoder(spec)
        self.streams = tuple(spec.fusion.get("streams", self.observation.shapes))
        shapes = {name: self.observation.shapes[name] for name in self.streams}
        fusion = {key: value for key, value in spec.fusion.items() if key != "streams"}
        self.fusion = FUSION.build(fusion, "model.fusion", shapes)
        width = self.fusion.shape.width
        numbers = spec.horizon * spec.action_dim
        self.places = learned(numbers, width)
        self.actions = nn.Embedding(bins, width)
        self.decoder = Transformer(width, memory_width=width, **decoder)
        self.q = PerRobotLinear(width, bins, len(spec.robots))
        # Q begins near 0, where the conservative term wants what was never tried (0.05 = sigmoid(-3)).
        for layer in self.q.layers:
            nn.init.constant_(layer.bias, -3.0)

    def context(self, batch: Batch) -> Context:
        """What is observed."""
        streams = self.observation(batch)
        return self.fusion({name: streams[name] for name in self.streams}, batch.robot)

    def forward(self, context: Context, before: Tensor) -> Tensor:
        """before (B, n) int64, the first n numbers as bins -> (B, n + 1, bins) Q in (0, 1)."""
        count = before.shape[1] + 1
        x = self.places[:, :count].expand(before.shape[0], -1, -1)
        if before.shape[1]:
            known = self.actions(before)
            x = x + torch.cat([torch.zeros_like(x[:, :1]), known], 1)
        causal = torch.ones(count, count, dtype=torch.bool, device=x.device).tril()
        y = self.decoder(x, causal, context.tokens, key_mask(context.mask))
        return self.q(y, context.robot).sigmoid()


@BODY.register("q_transformer")
class QTransformer(Body):
    """Q-Transformer (Chebotar et al. 2023, arXiv 2309.10150, section 4). Not cloning: it learns what actions are worth.

    Each number of the action is a step of its own: its Q is worth the best Q of the next number, and the last one's the
    reward and the discounted best Q after the chunk (section 4.1). Never less than the return that was really had
    (Monte Carlo, section 4.3). Q of what was not done is drawn to 0 (section 4.2). Rewards lie in [0, 1] and sum to at
    most 1, so that Q does too.

    Args:
        spec: of the model, set by it; language acts through vision or fusion, ``head`` is in the body.
        decoder: ``layers``, ``heads``, ``mlp`` of the transformer over the numbers.
        bins: of one number.
        low: of the bins, in normalized actions.
        high: of the bins, in normalized actions.
        discount: of one chunk.
        conservative: weight of the regularizer.
        averaging: share of the old target network that stays at each step of the optimizer.
    """

    def __init__(
        self,
        spec: ModelSpec,
        decoder: Mapping[str, Any],
        bins: int = 256,
        low: float = -1.0,
        high: float = 1.0,
        discount: float = 0.98,
        conservative: float = 1.0,
        averaging: float = 0.99,
    ) -> None:
        super().__init__(spec)
        if spec.head is not None:
            raise PresetError("has its head in itself; set head to null")
        self.network = QNetwork(spec, bins, decoder)
        self.target = freeze(copy.deepcopy(self.network))
        self.bins = Bins(bins, low, high)
        self.discount, self.conservative, self.averaging = discount, conservative, averaging

    def loss(self, batch: Batch, target: Target) -> tuple[Tensor, dict[str, Tensor]]:
        labels = self.bins.encode(target.actions).flatten(1)
        weight = target.weight.flatten(1)
        q = self.network(self.network.context(batch), labels[:, :-1])
        done = q.gather(-1, labels[:, :, None]).squeeze(-1)
        wanted = self._wanted(batch, labels)
        learned_error = (weight * (done - wanted) ** 2).sum() / weight.sum().clamp(min=1.0)
        others = (q**2).sum(-1) - done**2
        drawn = (weight * others / (q.shape[-1] - 1)).sum() / weight.sum().clamp(min=1.0)
        loss = 0.5 * learned_error + 0.5 * self.conservative * drawn
        return loss, {"action": loss, "temporal_difference": learned_error.detach(), "conservative": drawn.detach()}

    @torch.no_grad()
    def _wanted(self, batch: Batch, labels: Tensor) -> Tensor:
        """(B, n) what Q of the numbers that were done should be."""
        following = batch.following
        if batch.reward is None or batch.done is None or following is None:
            raise ObservationError("batch: Q-learning needs reward, done and following; see Batch")
        best = self.target(self.target.context(batch), labels[:, :-1]).max(-1).values
        nothing = labels[:, :0]
        after = self.target(self.target.context(following), nothing).max(-1).values[:, 0]
        last = batch.reward + self.discount * (1 - batch.done) * after
        wanted = torch.cat([best[:, 1:], last[:, None]], 1)
        return wanted if batch.value is None else torch.maximum(wanted, batch.value[:, None])

    def predict(self, batch: Batch, noise: Tensor | None) -> Prediction:
        """The best bin of each number, given the best before it."""
        context = self.network.context(batch)
        chosen = batch.text_ids[:, :0]
        for _ in range(self.spec.horizon * self.spec.action_dim):
            q = self.network(context, chosen)[:, -1]
            chosen = torch.cat([chosen, q.argmax(-1, keepdim=True)], 1)
        actions = self.bins.values[chosen].unflatten(1, (self.spec.horizon, self.spec.action_dim))
        return Prediction(actions)

    @torch.no_grad()
    def after_step(self) -> None:
        """The target network follows the learning one slowly; its statistics (batch normalization) at once."""
        for old, new in zip(self.target.parameters(), self.network.parameters()):
            old.lerp_(new, 1 - self.averaging)
        for old, new in zip(self.target.buffers(), self.network.buffers()):
            old.copy_(new)
