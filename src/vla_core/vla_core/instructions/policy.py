r"""The site's rules: which sentences never reach a policy, or which alone do.

```yaml
deny:                                    # found anywhere in the sentence: refused; deny wins over allow
  - pattern: '\b(throw|hit)\b'
    reason: nothing is thrown here
allow:                                   # optional: only sentences that are one of these as a whole pass
  - pattern: 'pick up the (red|blue) cube'
    reason: the tasks of this cell
```

Patterns are Python regular expressions, whatever the case. It is a filter of words: it does not understand a sentence,
and no safety rests on it. What reaches the motors is the safety monitor's business.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from vla_core.instructions.effort import MAX_STEPS, steps_bound
from vla_core.instructions.errors import InstructionError, InstructionPolicyError
from vla_core.instructions.text import clean, matched_forms

_SECTIONS = ("deny", "allow")
_RULE_KEYS = ("pattern", "reason")
_MAX_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern. ``reason`` is told to whoever sent a denied sentence."""

    pattern: re.Pattern[str]
    reason: str


@dataclass(frozen=True, slots=True)
class InstructionPolicy:
    """Deny and allow rules for sentences of at most ``max_chars`` characters; ``allow`` None: all but denied ones."""

    deny: tuple[Rule, ...]
    allow: tuple[Rule, ...] | None
    max_chars: int

    def check(self, text: str) -> None:
        """Raises InstructionError ``instruction_denied`` or ``instruction_not_allowed`` (or, rarely, too long)."""
        if len(text) > self.max_chars:
            raise ValueError(f"{len(text)} characters, the patterns are bounded for {self.max_chars}")
        for form in matched_forms(text):
            if len(form) > self.max_chars:  # ligatures come apart; the bound on the patterns' effort is for max_chars
                raise InstructionError(
                    "instruction_too_long",
                    f"in plain letters it has {len(form)} characters, at most {self.max_chars} are allowed "
                    "(parameter instruction.max_chars)",
                )
            for rule in self.deny:
                if rule.pattern.search(form):
                    raise InstructionError("instruction_denied", rule.reason)
        if self.allow is None:
            return
        written = clean(text)
        if not any(rule.pattern.fullmatch(written) for rule in self.allow):
            reasons = "; ".join(dict.fromkeys(rule.reason for rule in self.allow))
            raise InstructionError("instruction_not_allowed", f"only listed sentences pass here: {reasons}")


def load_instruction_policy(path: Path, max_chars: int) -> InstructionPolicy:
    """The rules in the file at ``path``.

    Raises:
        InstructionPolicyError: the file is not there or not of this form; names file, line, field and remedy.
    """
    return _Reader(path, max_chars).read()


class _Reader:
    """Walks the YAML nodes, which know their lines."""

    def __init__(self, path: Path, max_chars: int) -> None:
        self._path = path
        self._max_chars = max_chars

    def read(self) -> InstructionPolicy:
        sections = self._mapping(self._root(), "the file", _SECTIONS)
        if not sections:
            raise self._error(1, "it has neither deny nor allow; list patterns under one of them, or name no file")
        deny = self._rules(sections["deny"], "deny") if "deny" in sections else ()
        allow = self._rules(sections["allow"], "allow") if "allow" in sections else None
        return InstructionPolicy(deny, allow, self._max_chars)

    def _root(self) -> yaml.Node:
        try:
            with self._path.open("rb") as file:
                content = file.read(_MAX_FILE_BYTES + 1)
        except OSError as error:
            raise InstructionPolicyError(f"{self._path}: cannot be read: {error.strerror}; correct the path") from error
        if len(content) > _MAX_FILE_BYTES:
            raise self._error(1, f"more than {_MAX_FILE_BYTES} bytes; no list of rules is that long")
        try:
            root = yaml.compose(content.decode(), Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise self._error(line, "bytes that are not UTF-8; save the file as UTF-8") from error
        except (yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error) or type(error).__name__
            raise self._error(1 if mark is None else mark.line + 1, f"no YAML: {problem}; correct it") from error
        if root is None:
            raise self._error(1, "it is empty; list patterns under deny or allow, or name no file")
        return root

    def _rules(self, node: yaml.Node, field: str) -> tuple[Rule, ...]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(_line(node), f"{field}: expected a list of rules, each with pattern and reason")
        if not node.value:
            effect = "nothing would ever pass" if field == "allow" else "it denies nothing"
            raise self._error(_line(node), f"{field}: the list is empty, {effect}; list rules or take {field} out")
        return tuple(self._rule(item, f"{field}[{index}]") for index, item in enumerate(node.value))

    def _rule(self, node: yaml.Node, field: str) -> Rule:
        values = self._mapping(node, field, _RULE_KEYS)
        for key in _RULE_KEYS:
            if key not in values:
                raise self._error(_line(node), f"{field}.{key}: missing; every rule has a pattern and a reason")
        reason = self._text(values["reason"], f"{field}.reason")
        return Rule(self._pattern(values["pattern"], f"{field}.pattern"), reason)

    def _pattern(self, node: yaml.Node, field: str) -> re.Pattern[str]:
        text = self._text(node, field)
        line = _line(node)
        try:
            steps = steps_bound(text, self._max_chars)
            pattern = re.compile(text, re.IGNORECASE)
        except (re.error, RecursionError, OverflowError) as error:
            raise self._error(line, f"{field}: {text!r} is no regular expression: {error}; correct it") from error
        if steps > MAX_STEPS:
            raise self._error(
                line,
                f"{field}: {text!r} could take {steps:.1g} steps on {self._max_chars} characters, at most "
                f"{MAX_STEPS:.0g} are allowed; nest no repetitions, write '.{{0,40}}' for '.*', or lower "
                "instruction.max_chars",
            )
        if pattern.search("") or pattern.fullmatch(""):
            raise self._error(line, f"{field}: {text!r} matches an empty text, so it matches all; require some letters")
        return pattern

    def _mapping(self, node: yaml.Node, field: str, keys: tuple[str, ...]) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(_line(node), f"{field}: expected a mapping with the keys {', '.join(keys)}")
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            if key not in keys:
                near = difflib.get_close_matches(key, keys, n=1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                raise self._error(_line(key_node), f"{field}: unknown key {key!r}{hint}; valid: {', '.join(keys)}")
            if key in found:
                raise self._error(_line(key_node), f"{field}: key {key!r} is there twice; keep one")
            found[key] = value
        return found

    def _text(self, node: yaml.Node, field: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str" or not node.value.strip():
            raise self._error(_line(node), f"{field}: expected a text that is not empty; put it in single quotes")
        return str(node.value)

    def _error(self, line: int, problem: str) -> InstructionPolicyError:
        return InstructionPolicyError(f"{self._path}:{line}: {problem}")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
