"""What every sentence encoder is."""

from __future__ import annotations

from torch import nn


class LanguageEncoder(nn.Module):
    """Base of the sentence encoders; ``forward(ids, mask)`` gives (B, T, width) for ids and mask (B, T).

    Attributes:
        width: of a token.
        count: tokens of the answer for every sentence; None: as many as there are ids.
    """

    def __init__(self, width: int, count: int | None = None) -> None:
        super().__init__()
        self.width = width
        self.count = count
