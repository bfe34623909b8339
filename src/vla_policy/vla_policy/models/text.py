"""Sentences become token ids, at the outer edge of the models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from vla_core.errors import ObservationError
from vla_policy.presets import PresetError, TextSpec

BYTES_PAD, BYTES_END, BYTES_FIRST = 0, 1, 3
BYTES_VOCABULARY = BYTES_FIRST + 256


class SentenceTokenizer:
    """Sentences -> ids and mask of a fixed length. A sentence that is too long is refused, never cut: what is cut
    off may be the part that matters.
    """

    def __init__(self, spec: TextSpec, vocabulary: int, padding: int) -> None:
        self.spec = spec
        self.vocabulary = vocabulary
        self.padding = padding

    def ids(self, sentence: str) -> list[int]:
        """Ids of one sentence, as many as it has."""
        raise NotImplementedError

    def __call__(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """``text_ids`` and ``text_mask`` of a batch, each (B, length).

        Raises:
            ObservationError: a sentence is blank or has too many tokens.
        """
        length = self.spec.length
        ids = torch.full((len(sentences), length), self.padding, dtype=torch.int64)
        mask = torch.zeros((len(sentences), length), dtype=torch.bool)
        for row, sentence in enumerate(sentences):
            if not sentence.strip():
                raise ObservationError("instruction is empty; say what to do, e.g. 'pick up the red cube'")
            found = self.ids(sentence)
            if len(found) > length:
                raise ObservationError(
                    f"instruction '{sentence}' has {len(found)} tokens; this model takes at most {length}: shorten it"
                )
            ids[row, : len(found)] = torch.tensor(found)
            mask[row, : len(found)] = True
        return ids, mask


class ByteTokenizer(SentenceTokenizer):
    """UTF-8 bytes, as ByT5 (Xue et al. 2022, arXiv 2105.13626): no file, no vocabulary to learn."""

    def __init__(self, spec: TextSpec) -> None:
        super().__init__(spec, BYTES_VOCABULARY, BYTES_PAD)

    def ids(self, sentence: str) -> list[int]:
        return [BYTES_FIRST + byte for byte in sentence.encode()] + [BYTES_END]


class FileTokenizer(SentenceTokenizer):
    """A ``tokenizer.json``."""

    def __init__(self, spec: TextSpec, path: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        super().__init__(spec, self._tokenizer.get_vocab_size(), 0)

    def ids(self, sentence: str) -> list[int]:
        return list(self._tokenizer.encode(sentence).ids)


class HubTokenizer(SentenceTokenizer):
    """Any tokenizer of transformers."""

    def __init__(self, spec: TextSpec) -> None:
        from transformers import AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(spec.tokenizer)
        except (OSError, ValueError) as error:
            raise PresetError(f"text.tokenizer: cannot load '{spec.tokenizer}': {error}") from error
        padding = self._tokenizer.pad_token_id
        super().__init__(spec, len(self._tokenizer), 0 if padding is None else padding)

    def ids(self, sentence: str) -> list[int]:
        return list(self._tokenizer(sentence)["input_ids"])


def make_tokenizer(spec: TextSpec) -> SentenceTokenizer:
    """The tokenizer that a preset names: ``bytes``, ``minilm`` (bundled), a hub name or a local folder.

    Raises:
        PresetError: it cannot be loaded.
    """
    if spec.tokenizer == "bytes":
        return ByteTokenizer(spec)
    if spec.tokenizer == "minilm":
        from vla_policy.training.language import minilm_folder

        return FileTokenizer(spec, minilm_folder() / "tokenizer.json")
    return HubTokenizer(spec)
