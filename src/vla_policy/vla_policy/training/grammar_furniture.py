"""Sentences about the drawer and the marked zone, of one step and of two.

``{o}`` is a cube with its article, ``{d}`` the drawer, ``{z}`` the zone. As in ``grammar``, held-out phrases never
reach training. ``store`` is about a drawer that may be open or closed: who asks to put something in means it opened.
"""

from __future__ import annotations

DRAWER_WORDS = ("the drawer", "the drawer", "the drawer", "the tray", "the wooden drawer")
#: Where the sentence says on which side it is; ``left`` and ``right`` as the robot sees it.
SIDED_DRAWER_WORDS = ("the drawer on the {side}", "the {side} drawer", "the drawer to your {side}")
ZONE_WORDS = (
    "the zone", "the zone", "the marked zone", "the circle", "the purple circle", "the marked circle",
    "the target zone", "the marked area", "the purple area", "the purple disc", "the target area",
)  # fmt: skip

FURNISHED_PHRASES: dict[str, tuple[str, ...]] = {
    "place": (
        "put {o} in {z}",
        "put {o} on {z}",
        "put {o} into {z}",
        "place {o} in {z}",
        "place {o} on {z}",
        "place {o} inside {z}",
        "set {o} down in {z}",
        "set {o} on {z}",
        "lay {o} on {z}",
        "drop {o} in {z}",
        "move {o} into {z}",
        "move {o} onto {z}",
        "bring {o} to {z}",
        "carry {o} to {z}",
        "take {o} to {z}",
        "deliver {o} to {z}",
        "pick up {o} and put it in {z}",
        "pick {o} up and place it on {z}",
        "pick up {o} and set it down on {z}",
        "grab {o} and put it on {z}",
        "grasp {o} and place it in {z}",
        "take {o} and put it into {z}",
        "lift {o} and set it down in {z}",
        "get {o} and bring it to {z}",
    ),
    "open_drawer": (
        "open {d}",
        "open {d} fully",
        "open up {d}",
        "pull {d} open",
        "pull open {d}",
        "pull {d} out",
        "pull out {d}",
        "slide {d} open",
        "slide {d} out",
        "draw {d} out",
        "get {d} open",
        "grab the handle and open {d}",
        "pull the handle of {d}",
        "make sure {d} is open",
    ),
    "close_drawer": (
        "close {d}",
        "close {d} fully",
        "shut {d}",
        "push {d} shut",
        "push {d} closed",
        "push {d} in",
        "push {d} back in",
        "slide {d} shut",
        "slide {d} closed",
        "slide {d} back in",
        "get {d} closed",
        "push the handle of {d}",
        "make sure {d} is closed",
    ),
    "store": (
        "put {o} in {d}",
        "put {o} into {d}",
        "put {o} inside {d}",
        "place {o} in {d}",
        "drop {o} into {d}",
        "drop {o} in {d}",
        "store {o} in {d}",
        "stow {o} in {d}",
        "move {o} into {d}",
        "bring {o} to {d}",
        "pick up {o} and put it in {d}",
        "pick up {o} and place it in {d}",
        "pick {o} up and drop it into {d}",
        "grab {o} and put it into {d}",
        "grasp {o} and place it inside {d}",
        "take {o} and store it in {d}",
        "take {o} and put it in {d}",
        "lift {o} and drop it in {d}",
        "open {d} and put {o} in it",
        "open {d} and place {o} inside",
        "open {d}, then put {o} into it",
        "first open {d}, then put {o} inside",
        "pull {d} open and drop {o} into it",
        "open {d} and then put {o} in",
    ),
    "store_close": (
        "put {o} in {d} and close it",
        "put {o} into {d} and shut it",
        "place {o} in {d} and close it",
        "place {o} inside {d}, then close it",
        "drop {o} into {d} and push it shut",
        "store {o} in {d} and close it",
        "put {o} in {d}, then close {d}",
        "put {o} in {d} and then shut {d}",
        "pick up {o}, put it in {d} and close {d}",
        "pick up {o}, place it in {d} and shut it",
        "take {o}, drop it into {d} and close it",
        "first put {o} in {d}, then close it",
        "move {o} into {d} and slide it shut",
        "lock {o} away in {d}",
        "put {o} away and close {d}",
        "open {d}, put {o} in it and close it again",
    ),
}

#: Phrases that training never sees.
HELDOUT_FURNISHED_PHRASES: dict[str, tuple[str, ...]] = {
    "place": (
        "put {o} down on {z}",
        "fetch {o} and place it inside {z}",
        "let {o} rest in {z}",
        "transfer {o} to {z}",
        "grip {o} and move it onto {z}",
    ),
    "open_drawer": ("slide open {d}", "pull {d} towards you", "open {d} all the way", "draw {d} open"),
    "close_drawer": ("slide {d} in", "push {d} until it is closed", "close {d} all the way", "push {d} fully shut"),
    "store": (
        "place {o} into {d}",
        "lay {o} inside {d}",
        "grab {o} and drop it into {d}",
        "pull out {d} and put {o} inside it",
        "open {d}, then drop {o} in",
    ),
    "store_close": (
        "put {o} inside {d} and push it closed",
        "drop {o} in {d}, then shut it",
        "grab {o}, put it into {d} and close {d}",
        "stow {o} in {d} and slide it closed",
    ),
}

_DRAWER_KEYS = {"drawer", "tray"}
_ZONE_KEYS = {"zone", "circle", "area", "disc"}
_OPENING = {"open", "out", "towards"}
_CLOSING = {"close", "closed", "shut", "again", "lock"}


def furnished_task(words: list[str], colored: bool) -> str:
    """Which task of the furniture ``words`` ask for; empty: they do not name it, or it is not clear.

    colored: whether a cube's colour is among the words.
    """
    said = {*words}
    if not said & _DRAWER_KEYS:
        return "place" if said & _ZONE_KEYS and colored else ""
    if said & _ZONE_KEYS:
        return ""
    closing = bool(said & _CLOSING)
    if colored:
        return "store_close" if closing else "store"
    opening = bool(said & _OPENING) or ("pull" in said and not closing)
    if opening == closing:
        return "close_drawer" if not opening and ("push" in said or {"slide", "in"} <= said) else ""
    return "close_drawer" if closing else "open_drawer"
