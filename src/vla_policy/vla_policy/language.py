"""The frozen sentence encoder of a bundle: a sentence becomes token embeddings, once."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from vla_core.contract import Bundle, LanguageSpec
from vla_core.errors import BundleError, ObservationError
from vla_policy.onnx_session import Tensor, describe, differences, open_session

CACHED_SENTENCES = 64


class SentenceEncoder:
    """Encodes on the CPU; the last ``CACHED_SENTENCES`` sentences are remembered."""

    def __init__(self, bundle: Bundle, spec: LanguageSpec, *, threads: int) -> None:
        self._session = open_session(bundle.file(spec.encoder), threads=threads, device="cpu")
        self._tokenizer = _open_tokenizer(bundle.file(spec.tokenizer))
        self._max_tokens = spec.max_tokens
        self._cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self.width = self._check(bundle.file(spec.encoder))

    def encode(self, sentence: str) -> NDArray[np.float32]:
        """(T, width) embeddings of the tokens of ``sentence``, read-only.

        Raises:
            ObservationError: the sentence is blank, or has more tokens than the contract allows.
        """
        cached = self._cache.get(sentence)
        if cached is None:
            cached = self._cache[sentence] = self._encode(sentence)
            if len(self._cache) > CACHED_SENTENCES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(sentence)
        return cached

    def _encode(self, sentence: str) -> NDArray[np.float32]:
        if not sentence.strip():
            raise ObservationError("instruction is empty; say what to do, e.g. 'pick up the red cube'")
        ids = np.array([self._tokenizer.encode(sentence).ids], dtype=np.int64)
        if ids.shape[1] > self._max_tokens:
            raise ObservationError(
                f"instruction has {ids.shape[1]} tokens; this policy takes at most {self._max_tokens}: shorten it"
            )
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        embeddings: NDArray[np.float32] = self._session.run(["embeddings"], feed)[0][0]
        embeddings.setflags(write=False)
        return embeddings

    def _check(self, path: Path) -> int:
        inputs, outputs = describe(self._session)
        tokens = Tensor((1, None), "int64")
        lines = differences(inputs, {"input_ids": tokens, "attention_mask": tokens}, "input")
        lines += differences(outputs, {"embeddings": Tensor((1, None, None), "float")}, "output")
        width = outputs["embeddings"].shape[-1] if "embeddings" in outputs else None
        if not lines and width is None:
            lines = ["output 'embeddings' does not state its width"]
        if lines or width is None:
            raise BundleError(f"{path}: not a sentence encoder as the contract describes it: {'; '.join(lines)}")
        return width


def _open_tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BundleError(f"{path}: not a tokenizer file: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()  # a cut sentence may mean the opposite; too long ones are refused instead
    return tokenizer
