"""How long a pattern can keep Python's matcher busy, bounded before it is ever used.

``re`` backtracks: ``(a+)+b`` takes longer than the universe on forty letters, and nothing can interrupt it. So every
pattern is taken apart at load, and the number of ways in which it can be laid over a sentence is bounded from above.
"""

from __future__ import annotations

import re
import re._constants as _op  # type: ignore[import-not-found]
import re._parser as _parser  # type: ignore[import-not-found]
from typing import Any

MAX_STEPS = 10_000_000
"""More ways than this are refused: some tenths of a second of matching at worst."""

_REPEATS = (_op.MAX_REPEAT, _op.MIN_REPEAT, _op.POSSESSIVE_REPEAT)
_CAP = 10**30  # enough to be refused; keeps the numbers small


def steps_bound(pattern: str, chars: int) -> int:
    """Upper bound of the ways to try ``pattern`` at all places of a text of ``chars`` characters.

    Raises:
        re.error: it is no regular expression.
    """
    return min(_CAP, (chars + 1) * _ways(_parser.parse(pattern, re.IGNORECASE), chars))


def _ways(items: Any, chars: int) -> int:
    """Ways to lay a sequence of parsed items over the text from one place on."""
    total = 1
    for op, value in items:
        total = min(_CAP, total * _ways_of(op, value, chars))
    return total


def _ways_of(op: Any, value: Any, chars: int) -> int:
    if op in _REPEATS:
        least, most, body = value
        return _ways_of_repeat(least, min(int(most), chars), body, chars)
    if op is _op.BRANCH:
        return _ways_of_branch(value[1], chars)
    if op is _op.SUBPATTERN:
        return _ways(value[-1], chars)
    if op in (_op.ASSERT, _op.ASSERT_NOT):
        return 1 + _ways(value[1], chars)
    if op is _op.ATOMIC_GROUP:
        return _ways(value, chars)
    if op is _op.GROUPREF_EXISTS:
        _, yes, no = value
        return _ways(yes, chars) + (_ways(no, chars) if no else 1)
    return 1  # one character, one place, or what a group has matched


def _ways_of_repeat(least: int, most: int, body: Any, chars: int) -> int:
    """The sum over every number of rounds of the ways to go through that many."""
    most = max(least, most)
    ways = _ways(body, chars)
    if ways == 1:
        return most - least + 1
    if most > 100:  # ways ** 100 is beyond any bound
        return _CAP
    return min(_CAP, sum(int(ways**rounds) for rounds in range(least, most + 1)))


def _ways_of_branch(alternatives: Any, chars: int) -> int:
    """Of the alternatives that begin with a letter, only those that begin with the same one can all be tried."""
    by_letter: dict[str | None, int] = {}
    for alternative in alternatives:
        first = _first_letter(alternative)
        by_letter[first] = min(_CAP, by_letter.get(first, 0) + _ways(alternative, chars))
    other = by_letter.pop(None, 0)
    return min(_CAP, other + max(by_letter.values(), default=0))


def _first_letter(alternative: Any) -> str | None:
    if len(alternative) == 0 or alternative[0][0] is not _op.LITERAL:
        return None
    return chr(alternative[0][1]).casefold()
