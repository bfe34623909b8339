"""Word embeddings alone, for a language model that reads them as part of its prefix."""

from __future__ import annotations

from torch import Tensor, nn

from vla_policy.models.language.base import LanguageEncoder
from vla_policy.models.registry import LANGUAGE


@LANGUAGE.register("words")
class Words(LanguageEncoder):
    """A table.

    Args:
        vocabulary: number of token ids.
        width: of a word.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__(width)
        self.table = nn.Embedding(vocabulary, width)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.table(ids)
