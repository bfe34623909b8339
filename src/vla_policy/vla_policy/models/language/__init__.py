"""Sentence encoders: token ids -> (B, T, width). Importing this registers them all."""

from vla_policy.models.language import lstm, transformers_language, words

__all__ = ["lstm", "transformers_language", "words"]
