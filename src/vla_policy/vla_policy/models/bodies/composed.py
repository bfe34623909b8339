"""Encoders, a fusion and a head, as the preset names them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vla_policy.models.auxiliary import Auxiliary
from vla_policy.models.batch import Batch
from vla_policy.models.bodies.base import Body, Prediction
from vla_policy.models.heads.base import HeadShape
from vla_policy.models.observation import ObservationEncoder
from vla_policy.models.registry import BODY, FUSION, HEAD
from vla_policy.models.streams import Context, ContextShape, Target
from vla_policy.presets.spec import ModelSpec, PresetError, unknown


@BODY.register("composed")
class Composed(Body):
    """Observation -> streams -> fusion -> context -> head, with auxiliary heads on the same context.

    Args:
        spec: of the model, set by it.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        if spec.fusion is None or spec.head is None:
            raise PresetError("a composed model needs a fusion and a head")
        self.observation = ObservationEncoder(spec)
        self.streams = self._streams(spec)
        shapes = {name: self.observation.shapes[name] for name in self.streams}
        fusion = {key: value for key, value in spec.fusion.items() if key != "streams"}
        self.fusion = FUSION.build(fusion, "model.fusion", shapes)
        shape = self.fusion.shape
        self.append_state = spec.state == "concat"
        if self.append_state:
            shape = ContextShape(shape.width + spec.state_dim, shape.count)
        head = HeadShape(shape, spec.horizon, spec.action_dim, len(spec.robots))
        self.head = HEAD.build(spec.head, "model.head", head)
        self.auxiliary = Auxiliary(shape.width, spec.auxiliary)
        self.stochastic = self.head.stochastic

    def context(self, batch: Batch) -> Context:
        """What the head sees."""
        streams = self.observation(batch)
        context = self.fusion({name: streams[name] for name in self.streams}, batch.robot)
        if not self.append_state or batch.state is None:
            return context
        state = batch.state[:, None].expand(-1, context.tokens.shape[1], -1)
        return Context(torch.cat([context.tokens, state], -1), context.mask, context.robot)

    def _streams(self, spec: ModelSpec) -> tuple[str, ...]:
        """Which streams the fusion gets: all, unless its ``streams`` name some; language may act by FiLM alone."""
        have = tuple(self.observation.shapes)
        wanted = have if spec.fusion is None else tuple(spec.fusion.get("streams", have))
        for name in wanted:
            if name not in have:
                raise unknown(str(name), have, "model.fusion.streams", "stream")
        return wanted

    def loss(self, batch: Batch, target: Target) -> tuple[Tensor, dict[str, Tensor]]:
        context = self.context(batch)
        parts = self.head.loss(context, target)
        extra, more = self.auxiliary.loss(context, batch)
        return parts["action"] + extra, {**parts, **more}

    def predict(self, batch: Batch, noise: Tensor | None) -> Prediction:
        context = self.context(batch)
        return self.auxiliary.predict(context, self.head.act(context, noise))


def modules_by_part(body: nn.Module) -> dict[str, nn.Module]:
    """The parts of a composed body by the name of their section in the preset; for tables of parameters."""
    if not isinstance(body, Composed):
        return {"body": body}
    parts = {"vision": body.observation.vision, "language": body.observation.language}
    parts |= {"fusion": body.fusion, "head": body.head, "auxiliary": body.auxiliary}
    return {name: module for name, module in parts.items() if module is not None}
