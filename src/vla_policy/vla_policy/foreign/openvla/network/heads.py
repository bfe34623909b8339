"""What OFT puts before and behind the language model."""

from __future__ import annotations

from torch import Tensor, nn

HEAD_BLOCKS = 2


class ProprioProjector(nn.Module):
    """The robot's state as one more embedding."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(size, width)
        self.fc2 = nn.Linear(width, width)

    def forward(self, state: Tensor) -> Tensor:
        return self.fc2(nn.functional.gelu(self.fc1(state)))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ffn = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.ffn(x)


class _Mlp(nn.Module):
    def __init__(self, size: int, width: int, columns: int) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(size)
        self.fc1 = nn.Linear(size, width)
        self.mlp_resnet_blocks = nn.ModuleList(_Residual(width) for _ in range(HEAD_BLOCKS))
        self.layer_norm2 = nn.LayerNorm(width)
        self.fc2 = nn.Linear(width, columns)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu(self.fc1(self.layer_norm1(x)))
        for block in self.mlp_resnet_blocks:
            x = block(x)
        return self.fc2(self.layer_norm2(x))


class ActionHead(nn.Module):
    """(B, horizon, columns * width) hidden states of the actions -> (B, horizon, columns) normalized actions."""

    def __init__(self, width: int, columns: int) -> None:
        super().__init__()
        self.model = _Mlp(width * columns, width, columns)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.model(hidden)
