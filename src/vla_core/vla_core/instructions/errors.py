"""What can be wrong with a sentence, and with the rules it is held against."""

from __future__ import annotations

from vla_core.errors import VlaError

CODES = (
    "instruction_empty",
    "instruction_too_long",
    "instruction_not_utf8",
    "instruction_control_characters",
    "instruction_denied",
    "instruction_not_allowed",
    "instruction_rate",
    "instruction_bad_timeout",
    "instruction_not_ready",
)
"""Every code that a refusal can carry. They are stable: programs may compare them."""


class InstructionError(VlaError):
    """An instruction is refused before any model sees it. ``code`` is one of CODES."""

    def __init__(self, code: str, message: str) -> None:
        if code not in CODES:
            raise ValueError(f"unknown code {code!r}")
        super().__init__(f"instruction refused ({code}): {message}")
        self.code = code


class InstructionPolicyError(VlaError):
    """The file of an instruction policy cannot be used; the message names file, line, field and remedy."""
