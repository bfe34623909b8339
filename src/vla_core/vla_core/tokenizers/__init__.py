"""Action tokenizers: uniform bins over [low, high] of the normalized action, in the two conventions in use."""

from __future__ import annotations

from numpy.typing import ArrayLike

from vla_core.contract.model import TokenizerSpec
from vla_core.tokenizers.base import ActionTokenizer, IdArray
from vla_core.tokenizers.bin_centers import BinCentersTokenizer
from vla_core.tokenizers.endpoint_grid import EndpointGridTokenizer
from vla_core.types import FloatArray


def make_tokenizer(spec: TokenizerSpec, *, vocabulary: int | None = None) -> ActionTokenizer:
    """The tokenizer that a contract states.

    ``vocabulary``: size of the language model's vocabulary whose last ids are the actions; None: a head of its own,
    ids from 0.
    """
    if spec.convention == "bin_centers":
        return BinCentersTokenizer(spec.bins, spec.low, spec.high, vocabulary=vocabulary)
    first = 0 if vocabulary is None else vocabulary - spec.bins
    return EndpointGridTokenizer(spec.bins, spec.low, spec.high, first_id=first)


def decode_logits(tokenizer: ActionTokenizer, spec: TokenizerSpec, logits: ArrayLike) -> FloatArray:
    """(..., bins) logits -> (...) normalized numbers, decoded as the contract says."""
    return tokenizer.decode_expected(logits) if spec.decode == "expected" else tokenizer.decode_argmax(logits)


__all__ = [
    "ActionTokenizer",
    "BinCentersTokenizer",
    "EndpointGridTokenizer",
    "IdArray",
    "decode_logits",
    "make_tokenizer",
]
