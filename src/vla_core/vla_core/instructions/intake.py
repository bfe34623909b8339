"""The checks that every sentence passes, whatever it came through."""

from __future__ import annotations

from vla_core.instructions.errors import InstructionError
from vla_core.instructions.policy import InstructionPolicy
from vla_core.instructions.text import clean, invisible_at

DEFAULT_MAX_CHARS = 500
# What a decoder leaves behind in place of bytes that are not UTF-8; rclpy decodes incoming strings that way.
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SHOWN_CHARS = 40


class InstructionIntake:
    """Checks sentences of any source alike.

    max_chars: longest sentence let through, white space folded.
    policy: the site's deny and allow rules, asked after the sentence has passed the checks here; None: no rules.
    """

    def __init__(self, max_chars: int = DEFAULT_MAX_CHARS, policy: InstructionPolicy | None = None) -> None:
        if max_chars < 1:
            raise ValueError(f"max_chars is {max_chars}, must be at least 1")
        if policy is not None and policy.max_chars < max_chars:
            raise ValueError(f"the policy's patterns are bounded for {policy.max_chars} characters, not {max_chars}")
        self._max_chars = max_chars
        self._policy = policy

    def check(self, sentence: str) -> str:
        """The sentence as the policy gets it: NFKC, white space folded. What is judged is what the model sees.

        Raises:
            InstructionError: with one of the codes that begin with ``instruction_``.
        """
        # Length first, on what came in: nothing below has to walk through megabytes.
        if len(sentence) > self._max_chars and len(sentence.strip()) > self._max_chars:
            raise self._too_long(sentence, len(sentence))
        stripped = sentence.strip()
        if not stripped:
            raise InstructionError(
                "instruction_empty", "it has no words; send a sentence such as 'pick up the red cube'"
            )
        if _REPLACEMENT in stripped:
            raise InstructionError(
                "instruction_not_utf8", f"{_shown(stripped)} holds bytes that are not UTF-8; send UTF-8 text"
            )
        _refuse_invisible(stripped)
        text = clean(stripped)
        # One character can become many, or nothing but white space.
        if len(text) > self._max_chars:
            raise self._too_long(text, len(text))
        if not text:
            raise InstructionError(
                "instruction_empty", "it has no words; send a sentence such as 'pick up the red cube'"
            )
        _refuse_invisible(text)
        if self._policy is not None:
            self._policy.check(text)
        return text

    def _too_long(self, sentence: str, length: int) -> InstructionError:
        return InstructionError(
            "instruction_too_long",
            f"{length} characters, at most {self._max_chars} are allowed (parameter instruction.max_chars); "
            f"it starts with {sentence[:_SHOWN_CHARS]!r}",
        )


def _refuse_invisible(text: str) -> None:
    position = invisible_at(text)
    if position is not None:
        raise InstructionError(
            "instruction_control_characters",
            f"character U+{ord(text[position]):04X} at position {position} of {_shown(text)} is not allowed; "
            "send one line of plain text",
        )


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…")
