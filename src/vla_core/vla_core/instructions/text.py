"""The forms of a sentence: the one that goes on to the policy, and those that patterns are held against.

A pattern that denies ``kill`` has to find it however it is written: in capitals, in full-width letters, with accents,
with look-alikes of other alphabets. What cannot be seen at all is refused before (``invisible_at``).
"""

from __future__ import annotations

import unicodedata

# Control, format (zero width, bidirectional overrides), surrogate, private and unassigned characters, and the
# line and paragraph separators: none of them belongs to a spoken sentence, all of them hide text from an operator.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters, marks and symbols that show nothing: grapheme joiner, Hangul fillers, Khmer inherent vowels, Mongolian and
# other variation selectors, the empty Braille cell.
_INVISIBLE = frozenset(
    chr(point)
    for first, last in [
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    ]
    for point in range(first, last + 1)
)
# Letters that look like a Latin one and that NFKC, casefold and taking off marks leave as they are: Cyrillic, Greek,
# Armenian, Cherokee, Latin with strokes, and the punctuation that joins words. After casefold, so small letters only.
_LOOKALIKES = str.maketrans(
    {
        **dict(zip("авсԁеһіјкӏмпорԛгѕтуѵхԝьүзһѡєғ", "abcdehijklmnopqrstuvxwbyzhwef", strict=True)),
        **dict(zip("αβγεηικνορτυχωϲϳζμ", "abyenikvoptuxwcjzu", strict=True)),
        **dict(zip("ացհոսօք", "wghnuoq", strict=True)),
        **dict(zip("ɑɡɩıȷłøđħŧƅɓɗƙʟɴʀᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢ", "agiijlodhtbbdklnracdejkmoptuvwz", strict=True)),
        **dict.fromkeys("‐‑‒–—―−⁃", "-"),
        **dict.fromkeys("‘’‛ʼʹ`´", "'"),
        "·": "",  # what NFKC makes of the l with a dot
        "æ": "ae",
        "œ": "oe",
    }
)


def clean(sentence: str) -> str:
    """``sentence`` in NFKC with every run of white space as one blank, and none around it. This goes to the policy."""
    return " ".join(unicodedata.normalize("NFKC", sentence).split())


def invisible_at(text: str) -> int | None:
    """Position of the first character that an operator would not see; None when there is none."""
    for position, character in enumerate(text):
        if character in _INVISIBLE or unicodedata.category(character) in _REFUSED_CATEGORIES:
            return position
    return None


def skeleton(text: str) -> str:
    """``text`` in small letters without marks, look-alikes of Latin letters replaced by them. For matching only."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LOOKALIKES)
    plain = "".join(c for c in unicodedata.normalize("NFKD", folded) if unicodedata.category(c) not in ("Mn", "Me"))
    return clean(plain.casefold().translate(_LOOKALIKES))


def matched_forms(text: str) -> tuple[str, ...]:
    """What a deny pattern is searched in: as written, in small letters, as it looks. Without repetition."""
    written = clean(text)
    return tuple(dict.fromkeys((written, written.casefold(), skeleton(written))))
