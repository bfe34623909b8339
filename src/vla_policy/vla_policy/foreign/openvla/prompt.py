"""The sentence as the language model was trained on it."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from vla_core.errors import BundleError, ObservationError
from vla_policy.foreign.files import read_json

EMPTY_TOKEN = 29871
"""Llama's word boundary alone: what training had between the colon and the first action token."""
MAX_TOKENS = 256


def prompt_of(instruction: str) -> str:
    """What the model is asked."""
    return f"In: What action should the robot take to {instruction.lower()}?\nOut:"


class PromptTokenizer:
    """``tokenizer.json`` of a checkpoint."""

    def __init__(self, folder: Path, vocabulary: int) -> None:
        """``vocabulary``: ids that the model knows.

        Raises:
            BundleError: the file is missing or broken, or has not the ids that the model was trained with.
        """
        path = folder / "tokenizer.json"
        options = read_json(folder / "tokenizer_config.json")
        try:
            self._tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # the library raises nothing more special
            raise BundleError(f"{path}: cannot be read as a tokenizer: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        start = self._tokenizer.token_to_id("<s>")
        if start is None or self._tokenizer.id_to_token(EMPTY_TOKEN) != "▁":
            raise BundleError(
                f"{path}: has no '<s>', or its id {EMPTY_TOKEN} is not '▁'; OpenVLA needs Llama 2's tokens"
            )
        if options.get("add_bos_token", True) is not True:
            raise BundleError(
                f"{folder}/tokenizer_config.json: add_bos_token must be true; the images follow that token"
            )
        self._start = int(start)
        self._vocabulary = vocabulary

    def encode(self, instruction: str) -> list[int]:
        """Ids of the whole prompt: the start token first, the empty token last.

        Raises:
            ObservationError: too long, or it becomes ids that the model does not know.
        """
        ids = [self._start, *self._tokenizer.encode(prompt_of(instruction), add_special_tokens=False).ids]
        if ids[-1] != EMPTY_TOKEN:
            ids.append(EMPTY_TOKEN)
        if len(ids) > MAX_TOKENS:
            raise ObservationError(f"instruction: {len(ids)} tokens with the prompt; at most {MAX_TOKENS}")
        if max(ids) >= self._vocabulary:
            raise ObservationError(f"instruction: becomes token {max(ids)}; the model knows {self._vocabulary}")
        return ids
