"""FAST action tokens: a chunk's cosine transform, rounded, as text, in byte pairs.

Pertsch et al., "FAST: Efficient Action Tokenization for Vision-Language-Action Models", 2025. Reads the released
layout: ``processor_config.json`` (``scale``, ``min_token``) and ``tokenizer.json``. The released code answers tokens
that it cannot decode with a chunk of zeros, which a robot would take for an action; here they are an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from tokenizers import Tokenizer

from vla_core.errors import ActionError, BundleError
from vla_core.types import FloatArray, read_only
from vla_policy.foreign.files import read_json

_LAST_CODE = 0xD7FF
"""Characters beyond are no text."""
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class FastTokenizer:
    """Chunks (horizon, columns) of normalized actions <-> token ids.

    scale: coefficients are multiplied by it and rounded. lowest: the coefficient that the first character stands for.
    """

    def __init__(self, tokenizer: Tokenizer, *, scale: float, lowest: int, horizon: int, columns: int) -> None:
        if not (np.isfinite(scale) and scale > 0.0) or horizon < 1 or columns < 1:
            raise ValueError(f"scale {scale}, horizon {horizon} and columns {columns} must be positive")
        self._tokenizer = tokenizer
        self._vocabulary = int(tokenizer.get_vocab_size())
        self._scale = scale
        self._lowest = lowest
        self._shape = (horizon, columns)
        self._transform = _cosine_transform(horizon)

    def encode(self, actions: ArrayLike) -> list[int]:
        """Ids of a chunk; what is lost is the rounding, at most half a coefficient.

        Raises:
            ActionError: wrong shape, a number that is not finite, or a coefficient that the tokens cannot express.
        """
        chunk = np.asarray(actions, dtype=np.float64)
        if chunk.shape != self._shape or not np.isfinite(chunk).all():
            raise ActionError(f"expected a chunk of {self._shape} finite numbers; got {chunk.shape}")
        codes = np.around(self._transform @ chunk * self._scale).astype(np.int64).reshape(-1) - self._lowest
        if codes.min() < 0:
            least = (int(codes.min()) + self._lowest) / self._scale
            raise ActionError(f"coefficient {least:g} is below the lowest, {self._lowest / self._scale:g}")
        ids = self._ids("".join(map(chr, np.minimum(codes, _LAST_CODE))))
        if ids is None or codes.max() > _LAST_CODE:
            most = (int(codes.max()) + self._lowest) / self._scale
            raise ActionError(f"the tokens cannot express this chunk; its largest coefficient is {most:g}")
        return ids

    def _ids(self, text: str) -> list[int] | None:
        """Ids that say ``text`` again; None where there are none, since what is unknown is left out in silence."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids if self._tokenizer.decode(ids, skip_special_tokens=False) == text else None

    def decode(self, ids: Sequence[int]) -> FloatArray:
        """The chunk (horizon, columns) that ``ids`` stand for.

        Raises:
            ActionError: an id is none of the tokenizer's, or they do not make exactly one chunk.
        """
        wrong = [one for one in ids if not 0 <= one < self._vocabulary]
        if wrong:  # the library would leave it out without a word
            raise ActionError(f"token id {wrong[0]} is not an action; action ids are 0 to {self._vocabulary - 1}")
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        if _UNREADABLE in text:
            raise ActionError(f"{len(ids)} tokens end within a character; they are no whole chunk")
        horizon, columns = self._shape
        if len(text) != horizon * columns:
            raise ActionError(
                f"{len(ids)} tokens make {len(text)} coefficients; "
                f"a chunk of {horizon} x {columns} has {horizon * columns}"
            )
        codes = np.array([ord(character) for character in text], dtype=np.float64).reshape(self._shape)
        return read_only(self._transform.T @ ((codes + self._lowest) / self._scale))


def load_fast_tokenizer(folder: Path, *, horizon: int, columns: int) -> FastTokenizer:
    """The tokenizer in ``folder``. horizon, columns: of the chunks, where the files do not say it.

    Raises:
        BundleError: a file is missing or broken, or is for chunks of another size.
    """
    config = read_json(folder / "processor_config.json")
    scale, lowest = config.get("scale"), config.get("min_token")
    if not isinstance(scale, (int, float)) or not isinstance(lowest, int) or not scale > 0:
        raise BundleError(f"{folder}/processor_config.json: scale {scale!r} and min_token {lowest!r} must be numbers")
    for key, wanted in (("time_horizon", horizon), ("action_dim", columns)):
        if config.get(key) not in (None, wanted):
            raise BundleError(f"{folder}/processor_config.json: {key} is {config[key]!r}, the policy has {wanted}")
    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises nothing more special
        raise BundleError(f"{path}: cannot be read as a tokenizer: {error}") from error
    return FastTokenizer(tokenizer, scale=float(scale), lowest=lowest, horizon=horizon, columns=columns)


def _cosine_transform(size: int) -> FloatArray:
    """(size, size) orthonormal DCT-II; its transpose is the inverse."""
    steps = np.arange(size)
    rows = np.cos(np.pi * (steps + 0.5) * steps[:, None] / size) * np.sqrt(2.0 / size)
    rows[0] /= np.sqrt(2.0)
    return read_only(rows)
