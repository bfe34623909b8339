"""A pre-norm transformer in plain operators that export to ONNX."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017, arXiv 1706.03762, section 3.2).

    Args:
        width: of the queries and of the answer.
        heads: number of heads.
        memory_width: of keys and values; None: ``width``.
        head_width: of one head; None: ``width / heads``.
    """

    def __init__(self, width: int, heads: int, memory_width: int | None = None, head_width: int | None = None) -> None:
        super().__init__()
        if head_width is None and width % heads:
            raise ValueError(f"width {width} is no multiple of {heads} heads")
        inner = heads * (head_width or width // heads)
        self.heads = heads
        self.query = nn.Linear(width, inner)
        self.key_value = nn.Linear(memory_width or width, 2 * inner)
        self.out = nn.Linear(inner, width)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (B, Q, width), memory (B, S, memory_width), mask bool broadcast to (B, 1, Q, S) -> (B, Q, width)."""

        def split(y: Tensor) -> Tensor:
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        key, value = self.key_value(memory).chunk(2, -1)
        y = F.scaled_dot_product_attention(split(self.query(x)), split(key), split(value), attn_mask=mask)
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Self-attention, cross-attention where ``memory_width`` is given, MLP; each added to what it read."""

    def __init__(
        self,
        width: int,
        heads: int,
        mlp: int,
        memory_width: int | None = None,
        dropout: float = 0.0,
        head_width: int | None = None,
    ) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(width)
        self.self_attention = Attention(width, heads, head_width=head_width)
        self.norm_cross = None if memory_width is None else nn.LayerNorm(width)
        self.cross_attention = None if memory_width is None else Attention(width, heads, memory_width, head_width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, mlp), nn.GELU(), nn.Linear(mlp, width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, memory: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        """x (B, Q, width), masks as in ``Attention``."""
        y = self.norm_self(x)
        x = x + self.dropout(self.self_attention(y, y, mask))
        if self.cross_attention is not None and self.norm_cross is not None:
            x = x + self.dropout(self.cross_attention(self.norm_cross(x), memory, memory_mask))
        return x + self.dropout(self.mlp(self.norm_mlp(x)))


class Transformer(nn.Module):
    """``layers`` blocks and a last norm."""

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        mlp: int | None = None,
        memory_width: int | None = None,
        dropout: float = 0.0,
        head_width: int | None = None,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(width, heads, mlp or 4 * width, memory_width, dropout, head_width) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, memory: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        """x (B, Q, width) -> (B, Q, width); masks bool, broadcast to (B, 1, Q, S)."""
        for block in self.blocks:
            x = block(x, mask, memory, memory_mask)
        return self.norm(x)


def key_mask(mask: Tensor) -> Tensor:
    """(B, S) true where a token is -> (B, 1, 1, S), for every head and query."""
    return mask[:, None, None, :]
