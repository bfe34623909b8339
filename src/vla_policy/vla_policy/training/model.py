"""The shipped policy network: two cameras, a sentence and the joint state in, a chunk of 256-bin action tokens out.

Per camera a small strided CNN; language enters by FiLM (Perez et al. 2018) on the last feature map, which gives
spatial-softmax keypoints (Levine et al. 2016, section 5.1) and grid tokens; a transformer decoder with one learned
query per chunk step (as in ACT, Zhao et al. 2023) attends to them. The CNN does not see the sentence, so that one
image serves several instructions in training.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class ModelConfig:
    """Sizes. ``cameras`` fixes the order of the image inputs."""

    cameras: tuple[str, ...] = ("front", "wrist")
    image_size: int = 96
    state_dim: int = 8
    action_dim: int = 8
    horizon: int = 8
    bins: int = 256
    text_dim: int = 384
    width: int = 192
    heads: int = 6
    layers: int = 2
    keypoints: int = 48
    dropout: float = 0.05


class Trunk(nn.Module):
    """(B, 3, 96, 96) images in [0, 1] -> (B, 128, 12, 12) features, with pixel coordinates as two more channels."""

    def __init__(self) -> None:
        super().__init__()

        def block(c_in: int, c_out: int, kernel: int, stride: int) -> list[nn.Module]:
            conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
            return [conv, nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)]

        self.layers = nn.Sequential(
            *block(3, 32, 5, 2),
            *block(32, 64, 3, 2),
            *block(64, 64, 3, 1),
            *block(64, 128, 3, 2),
            *block(128, 128, 3, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image - 0.5)


class CameraTokens(nn.Module):
    """Features modulated by the sentence -> grid tokens (B, 36, width) and one keypoint token (B, 1, width)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.film = nn.Linear(config.width, 256)
        self.conv = nn.Conv2d(128, 128, 1)
        self.keypoints = nn.Conv2d(128, config.keypoints, 1)
        self.keypoint_token = nn.Linear(2 * config.keypoints, config.width)
        self.grid_token = nn.Linear(128, config.width)
        self.position = nn.Parameter(torch.randn(1, 36, config.width) * 0.02)
        steps = torch.linspace(-1.0, 1.0, 12)
        self.register_buffer("grid", torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1).reshape(144, 2))
        self.temperature = nn.Parameter(torch.tensor(1.0))

    def forward(self, features: Tensor, text: Tensor) -> Tensor:
        gain, shift = self.film(text)[:, :, None, None].chunk(2, 1)
        x = F.relu(features * (1 + gain) + shift)
        x = F.relu(self.conv(x) + features)
        weights = (self.keypoints(x).flatten(2).float() * self.temperature).softmax(-1)
        points = weights @ self.grid
        grid = F.avg_pool2d(x, 2).flatten(2).transpose(1, 2)
        tokens = self.grid_token(grid) + self.position
        return torch.cat([tokens, self.keypoint_token(points.flatten(1))[:, None]], 1)


class TextPool(nn.Module):
    """Attention pooling of the token embeddings: (B, T, 384), (B, T) -> (B, width)."""

    def __init__(self, config: ModelConfig, queries: int = 4) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(config.text_dim, 128), nn.Tanh(), nn.Linear(128, queries))
        self.mix = nn.Sequential(
            nn.Linear(queries * config.text_dim, config.width), nn.GELU(), nn.Linear(config.width, config.width)
        )

    def forward(self, text: Tensor, mask: Tensor) -> Tensor:
        scores = self.score(text).float().masked_fill(~mask[:, :, None], -1e4)
        pooled = scores.softmax(1).transpose(1, 2) @ text.float()
        return self.mix(pooled.flatten(1))


class DecoderLayer(nn.Module):
    """Pre-norm self-attention, cross-attention and MLP, in plain operators that export to ONNX."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.self_qkv = nn.Linear(width, 3 * width)
        self.self_out = nn.Linear(width, width)
        self.cross_q = nn.Linear(width, width)
        self.cross_kv = nn.Linear(width, 2 * width)
        self.cross_out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))
        self.dropout = nn.Dropout(dropout)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        def split(x: Tensor) -> Tensor:
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        # Nine queries on under a hundred keys: two plain products train faster on a CPU than fused attention.
        scores = split(q) @ split(k).transpose(-1, -2) * (q.shape[-1] // self.heads) ** -0.5
        return (scores.softmax(-1) @ split(v)).transpose(1, 2).flatten(2)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        y = self.norms[0](x)
        x = x + self.dropout(self.self_out(self._attend(*self.self_qkv(y).chunk(3, -1))))
        y = self.norms[1](x)
        x = x + self.dropout(self.cross_out(self._attend(self.cross_q(y), *self.cross_kv(memory).chunk(2, -1))))
        return x + self.dropout(self.mlp(self.norms[2](x)))


class TabletopPolicy(nn.Module):
    """The whole network. Inputs as in the bundle's contract; ``actions`` of the labels are normalized."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.trunks = nn.ModuleList(Trunk() for _ in config.cameras)
        self.tokens = nn.ModuleList(CameraTokens(config) for _ in config.cameras)
        self.text = TextPool(config)
        self.state = nn.Sequential(
            nn.Linear(config.state_dim, config.width), nn.GELU(), nn.Linear(config.width, config.width)
        )
        self.kind = nn.Parameter(torch.randn(len(config.cameras) + 2, 1, 1, config.width) * 0.02)
        self.queries = nn.Parameter(torch.randn(1, config.horizon + 1, config.width) * 0.02)
        self.decoder = nn.ModuleList(
            DecoderLayer(config.width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.logits = nn.Linear(config.width, config.action_dim * config.bins)
        self.done = nn.Linear(config.width, 1)
        self.target = nn.Linear(config.width, 3)

    def encode_images(self, images: list[Tensor]) -> list[Tensor]:
        """Images (B, 3, H, W) in [0, 1], one per camera, to feature maps."""
        return [trunk(image) for trunk, image in zip(self.trunks, images, strict=True)]

    def decode(self, features: list[Tensor], state: Tensor, text: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Feature maps, state (B, 8), token embeddings (B, T, 384), mask (B, T) to logits, done, target [m]."""
        sentence = self.text(text, mask)
        memory = [t(f, sentence) + self.kind[i] for i, (t, f) in enumerate(zip(self.tokens, features, strict=True))]
        memory.append(self.state(state)[:, None] + self.kind[-2])
        memory.append(sentence[:, None] + self.kind[-1])
        keys = torch.cat(memory, 1)
        x = self.queries + sentence[:, None]
        for layer in self.decoder:
            x = layer(x, keys)
        x = self.norm(x)
        logits = self.logits(x[:, :-1]).unflatten(-1, (self.config.action_dim, self.config.bins))
        return {"logits": logits, "done": self.done(x[:, -1]), "target": self.target(x[:, -1])}


JOINT_SHARPNESS = 2.0


class ExportedPolicy(nn.Module):
    """The network with the inputs and outputs of the bundle: uint8 HWC images in, logits and done probability out.

    The joints' logits are doubled, a softmax temperature of one half: where the network wavers between going on and
    trying again, the mean of both is to stand still, and the arm would stay there.
    """

    def __init__(self, policy: TabletopPolicy) -> None:
        super().__init__()
        self.policy = policy
        sharpness = torch.full((policy.config.action_dim, 1), JOINT_SHARPNESS)
        sharpness[-1] = 1.0  # the gripper
        self.register_buffer("sharpness", sharpness)

    def forward(
        self, front: Tensor, wrist: Tensor, state: Tensor, text: Tensor, text_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        images = [image.permute(0, 3, 1, 2).float() / 255.0 for image in (front, wrist)]
        out = self.policy.decode(self.policy.encode_images(images), state, text, text_mask)
        return out["logits"] * self.sharpness, out["done"].sigmoid()
