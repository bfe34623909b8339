"""Which sentences may reach the policy."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from vla_core.errors import VlaError

DEFAULT_MAX_CHARS = 500
# Control, format (zero width, bidirectional overrides), surrogate, private and unassigned characters, and the
# line and paragraph separators: none of them belongs to a spoken sentence, all of them hide text from an operator.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# What a decoder leaves behind in place of bytes that are not UTF-8; rclpy decodes incoming strings that way.
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SHOWN_CHARS = 40

# A rule of the site: the sentence -> why it is refused, or None when it is allowed.
InstructionRule = Callable[[str], str | None]


class InstructionError(VlaError):
    """An instruction is refused before any model sees it. ``code`` is stable and machine-readable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"instruction refused ({code}): {message}")
        self.code = code


class InstructionIntake:
    """Checks sentences of any source alike.

    max_chars: longest sentence let through, after surrounding white space is taken off.
    rules: allow and deny rules of the site, asked in order after the sentence has passed the checks here.
    """

    def __init__(self, max_chars: int = DEFAULT_MAX_CHARS, rules: Sequence[InstructionRule] = ()) -> None:
        if max_chars < 1:
            raise ValueError(f"max_chars is {max_chars}, must be at least 1")
        self._max_chars = max_chars
        self._rules = tuple(rules)

    def check(self, sentence: str) -> str:
        """The sentence without surrounding white space.

        Raises:
            InstructionError: with code ``empty``, ``too_long``, ``not_utf8``, ``control_character`` or ``denied``.
        """
        # Length first, on what came in: nothing below has to walk through megabytes.
        if len(sentence) > self._max_chars and len(sentence.strip()) > self._max_chars:
            raise InstructionError(
                "too_long",
                f"{len(sentence)} characters, at most {self._max_chars} are allowed (parameter instruction.max_chars); "
                f"it starts with {sentence[:_SHOWN_CHARS]!r}",
            )
        text = sentence.strip()
        if not text:
            raise InstructionError("empty", "it has no words; send a sentence such as 'pick up the red cube'")
        if _REPLACEMENT in text:
            raise InstructionError("not_utf8", f"{_shown(text)} holds bytes that are not UTF-8; send UTF-8 text")
        for position, character in enumerate(text):
            if unicodedata.category(character) in _REFUSED_CATEGORIES:
                raise InstructionError(
                    "control_character",
                    f"character U+{ord(character):04X} at position {position} of {_shown(text)} is not allowed; "
                    "send one line of plain text",
                )
        for rule in self._rules:
            reason = rule(text)
            if reason is not None:
                raise InstructionError("denied", reason)
        return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…")
