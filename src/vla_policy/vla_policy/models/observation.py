"""From a batch to streams of tokens: each input through its encoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vla_policy.models.batch import Batch
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.layers.tokens import learned
from vla_policy.models.registry import LANGUAGE, VISION
from vla_policy.models.streams import Stream, StreamShape, masked_mean
from vla_policy.models.vision.depth import ConvPatches
from vla_policy.presets.spec import ModelSpec, PresetError

DEPTH_STEM, DEPTH_PATCH, DEPTH_WIDTH = (32, 64, 96, 128), 16, 128


class ObservationEncoder(nn.Module):
    """Streams ``vision``, ``depth``, ``language``, ``state`` and ``robot``, those that the preset has.

    With a ``width`` every stream is projected to it, and image tokens get learned embeddings of their camera and
    frame, and those of encoders that do not say where a patch is a learned position. Without one each stream keeps
    its own.

    Args:
        spec: of the model.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.language = None if spec.language is None else LANGUAGE.build(spec.language, "model.language")
        condition = None if self.language is None else self.language.width
        self.vision: Any = self._vision(spec, condition)
        self.shapes: dict[str, StreamShape] = {}
        if self.vision is not None:
            encoders = [self.vision[name] for name in self._encoders(spec)]
            if len({encoder.width for encoder in encoders}) > 1:
                raise PresetError("model.vision: the cameras' encoders differ in width; give the cameras one size")
            count = spec.history * sum(encoder.count for encoder in encoders)
            self.shapes["vision"] = StreamShape(encoders[0].width, count, spec.history)
        deep = [camera for camera in spec.cameras if camera.depth]
        self.depth: Any = ConvPatches(1, DEPTH_STEM, DEPTH_PATCH, DEPTH_WIDTH) if deep else None
        if deep:
            patches = sum((camera.height // DEPTH_PATCH) * (camera.width // DEPTH_PATCH) for camera in deep)
            self.shapes["depth"] = StreamShape(DEPTH_WIDTH, spec.history * patches, spec.history)
            self.depth_positions = learned(patches, DEPTH_WIDTH)
        if self.language is not None:
            self.shapes["language"] = StreamShape(self.language.width, self.language.count)
        if spec.state == "token":
            if spec.state_dim == 0:
                raise PresetError("model.state: token, but no robot has a state; set it to none")
            self.shapes["state"] = StreamShape(spec.state_dim, 1)
        self.robot = None
        if len(spec.robots) > 1:
            self.robot = nn.Embedding(len(spec.robots), spec.width or len(spec.robots))
            self.shapes["robot"] = StreamShape(self.robot.embedding_dim, 1)
        self.projections = nn.ModuleDict()
        self.camera_embedding = self.frame_embedding = None
        self.positions = nn.ParameterDict()
        if spec.width is not None:
            self._project(spec, spec.width)

    def forward(self, batch: Batch) -> dict[str, Stream]:
        """Streams by name, in the order of ``shapes``."""
        streams: dict[str, Stream] = {}
        language = None
        if self.language is not None:
            words = self.language(batch.text_ids, batch.text_mask)
            mask = batch.text_mask if self.language.count is None else _everything(words)
            language = Stream(words, mask)
        if self.vision is not None:
            condition = None if language is None else masked_mean(language.tokens, language.mask)
            streams["vision"] = self._images(batch, condition)
        if self.depth is not None:
            streams["depth"] = self._depth(batch)
        if language is not None:
            streams["language"] = language
        if "state" in self.shapes:
            streams["state"] = _one(batch.state)
        if self.robot is not None:
            streams["robot"] = _one(self.robot(batch.robot))
        return {name: self._projected(name, stream) for name, stream in streams.items()}

    def _images(self, batch: Batch, condition: Tensor | None) -> Stream:
        frames = self.spec.history
        repeated = None if condition is None else condition.repeat_interleave(frames, 0)
        parts = []
        for index, (camera, name) in enumerate(zip(self.spec.cameras, self._encoders(self.spec))):
            images = batch.images[camera.name]
            tokens = self.vision[name](images.flatten(0, 1), repeated)
            tokens = tokens.unflatten(0, (-1, frames))
            if "vision" in self.projections:
                tokens = self.projections["vision"](tokens)
            if name in self.positions:
                tokens = tokens + self.positions[name][:, None]
            if self.camera_embedding is not None:
                tokens = tokens + self.camera_embedding[:, index]
            if self.frame_embedding is not None:
                tokens = tokens + self.frame_embedding[:, :, None]
            parts.append(tokens)
        tokens = torch.cat(parts, 2).flatten(1, 2)
        return Stream(tokens, _everything(tokens), frames)

    def _depth(self, batch: Batch) -> Stream:
        frames = self.spec.history
        parts = [
            self.depth(batch.depth[camera.name].flatten(0, 1)).unflatten(0, (-1, frames))
            for camera in self.spec.cameras
            if camera.depth
        ]
        tokens = (torch.cat(parts, 2) + self.depth_positions[:, None]).flatten(1, 2)
        return Stream(tokens, _everything(tokens), frames)

    def _projected(self, name: str, stream: Stream) -> Stream:
        if name == "vision" or name not in self.projections:
            return stream
        return Stream(self.projections[name](stream.tokens), stream.mask, stream.frames)

    def _project(self, spec: ModelSpec, width: int) -> None:
        for name, shape in self.shapes.items():
            if name == "state":
                self.projections[name] = mlp(shape.width, [width], width)
            elif shape.width != width:
                self.projections[name] = nn.Linear(shape.width, width)
        for name, encoder in (self.vision or {}).items():
            if encoder.count > 1 and not encoder.positioned:
                self.positions[name] = learned(encoder.count, width)
        if "vision" in self.shapes:
            self.camera_embedding = learned(len(spec.cameras), width) if len(spec.cameras) > 1 else None
            self.frame_embedding = learned(spec.history, width) if spec.history > 1 else None
        self.shapes = {name: StreamShape(width, shape.count, shape.frames) for name, shape in self.shapes.items()}

    @staticmethod
    def _vision(spec: ModelSpec, condition: int | None) -> nn.ModuleDict | None:
        if spec.vision is None:
            return None
        if not spec.cameras:
            raise PresetError("model.vision: there is no camera; name one, or set vision to null")
        block = {key: value for key, value in spec.vision.items() if key != "shared"}
        sizes = dict(zip(ObservationEncoder._encoders(spec), spec.cameras))
        return nn.ModuleDict(
            {
                name: VISION.build(block, "model.vision", camera.height, camera.width, condition)
                for name, camera in sizes.items()
            }
        )

    @staticmethod
    def _encoders(spec: ModelSpec) -> list[str]:
        """For each camera the name of its encoder: one for all that have the same size, unless ``shared: false``."""
        if spec.vision is not None and spec.vision.get("shared", True):
            return [f"{camera.height}x{camera.width}" for camera in spec.cameras]
        return [camera.name for camera in spec.cameras]


def _one(vector: Tensor) -> Stream:
    tokens = vector[:, None]
    return Stream(tokens, _everything(tokens))


def _everything(tokens: Tensor) -> Tensor:
    return torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
