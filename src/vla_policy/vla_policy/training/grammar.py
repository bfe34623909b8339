"""The sentences that a policy learns from and the ones it is judged by.

A sentence is a request frame ("could you … please") around a task phrase ("pick up the {object}") whose object is
a colour word and a noun ("crimson block"). Task phrases and frames are split once: those of ``HELDOUT`` never
reach training, so that evaluation on them tells whether paraphrases work. Nothing here needs torch or ROS.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from vla_policy.training.grammar_furniture import (
    DRAWER_WORDS,
    FURNISHED_PHRASES,
    HELDOUT_FURNISHED_PHRASES,
    SIDED_DRAWER_WORDS,
    ZONE_WORDS,
    furnished_task,
)
from vla_sim.spec import ALL_TASKS, DRAWER, DRAWER_TASKS
from vla_sim.spec import COLORS as COLORS  # also for those who import the grammar
from vla_sim.spec import TASKS as TASKS

Split = Literal["train", "heldout"]

COLOR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "red", "red", "crimson", "scarlet", "ruby", "red coloured", "bright red", "dark red"),
    "green": ("green", "green", "green", "lime", "emerald", "green coloured", "bright green", "dark green"),
    "blue": ("blue", "blue", "blue", "navy", "azure", "cobalt", "blue coloured", "bright blue", "dark blue"),
    "yellow": ("yellow", "yellow", "yellow", "golden", "lemon", "yellow coloured", "bright yellow", "amber"),
}

NOUNS = ("cube", "cube", "block", "block", "box", "brick", "object", "piece", "one", "toy", "thing", "square block")

#: Ways to say each task. ``{o}`` is the object with its article.
PHRASES: dict[str, tuple[str, ...]] = {
    "pick": (
        "pick up {o}",
        "pick {o} up",
        "pick {o}",
        "grab {o}",
        "grasp {o}",
        "lift {o}",
        "lift up {o}",
        "lift {o} up",
        "take {o}",
        "raise {o}",
        "raise {o} off the table",
        "lift {o} from the table",
        "take {o} off the table",
        "grab {o} and lift it",
        "grasp {o} and raise it",
        "pick up {o} from the table",
        "get hold of {o} and lift it up",
        "hold {o} up",
        "seize {o}",
        "fetch {o}",
        "get {o}",
        "collect {o}",
        "pick {o} up off the table",
        "close the gripper on {o} and lift",
        "bring {o} up",
    ),
    "reach": (
        "reach {o}",
        "reach for {o}",
        "reach towards {o}",
        "reach to {o}",
        "move to {o}",
        "move the gripper to {o}",
        "move your hand to {o}",
        "move the arm to {o}",
        "go to {o}",
        "go over to {o}",
        "touch {o}",
        "hover over {o}",
        "hover above {o}",
        "point at {o}",
        "point to {o}",
        "approach {o}",
        "get close to {o}",
        "place the gripper above {o}",
        "position the hand over {o}",
        "bring the gripper to {o}",
        "stop above {o}",
        "go above {o}",
        "move above {o}",
        "come near {o}",
    ),
    "push_left": (
        "push {o} left",
        "push {o} to the left",
        "push {o} leftwards",
        "push {o} towards the left",
        "push {o} to the left side",
        "slide {o} left",
        "slide {o} to the left",
        "slide {o} leftward",
        "shove {o} left",
        "shove {o} to the left",
        "move {o} left",
        "move {o} to the left",
        "nudge {o} to the left",
        "nudge {o} left",
        "shift {o} left",
        "shift {o} to the left",
        "sweep {o} to the left",
        "sweep {o} left",
        "push left {o}",
        "make {o} go left",
        "give {o} a push to the left",
        "knock {o} to the left",
    ),
}
PHRASES["push_right"] = tuple(phrase.replace("left", "right") for phrase in PHRASES["push_left"])

#: Task phrases that training never sees.
HELDOUT_PHRASES: dict[str, tuple[str, ...]] = {
    "pick": (
        "lift {o} into the air",
        "grip {o} and pick it up",
        "take hold of {o} and lift it",
        "grab {o} off the table",
        "please get {o} up from the table",
    ),
    "reach": (
        "move over to {o}",
        "bring your hand above {o}",
        "put the gripper over {o}",
        "go near {o}",
        "reach out to {o}",
    ),
    "push_left": (
        "push {o} over to the left",
        "slide {o} towards the left side",
        "move {o} further left",
        "give {o} a shove to the left",
        "shift {o} leftwards",
    ),
}
HELDOUT_PHRASES["push_right"] = tuple(phrase.replace("left", "right") for phrase in HELDOUT_PHRASES["push_left"])

FRAMES = (
    "{p}",
    "{p}",
    "{p}",
    "{p}",
    "please {p}",
    "{p} please",
    "could you {p}",
    "could you please {p}",
    "can you {p}",
    "can you please {p}",
    "would you {p}",
    "i want you to {p}",
    "i would like you to {p}",
    "now {p}",
    "robot, {p}",
    "go ahead and {p}",
    "try to {p}",
    "your task is to {p}",
    "you should {p}",
    "next, {p}",
    "okay, {p}",
    "{p} now",
)

HELDOUT_FRAMES = ("{p}", "{p}", "hey robot, {p}", "would you mind: {p}", "i need you to {p}", "{p}, thanks")

ARTICLES = ("the", "the", "the", "the", "that", "a")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and what it means."""

    text: str
    task: str
    color: str


def sample_instruction(
    rng: random.Random, task: str, color: str, split: Split = "train", side: Literal["", "left", "right"] = ""
) -> Sentence:
    """A random sentence for ``task`` on the cube of ``color``, or on the drawer where that is the target.

    ``heldout`` draws phrases and frames that training never saw; colour words and nouns are those of training.
    Capitalization and final punctuation vary in both. side: where the drawer stands as the robot sees it; given, some
    of the sentences say so.
    """
    if task not in ALL_TASKS:
        raise ValueError(f"task is {task!r}; valid tasks: {', '.join(ALL_TASKS)}")
    targets = (DRAWER,) if task in DRAWER_TASKS else COLORS
    if color not in targets:
        raise ValueError(f"color is {color!r}; valid colors: {', '.join(targets)}")
    phrases, frames = (PHRASES, FRAMES) if split == "train" else (HELDOUT_PHRASES, HELDOUT_FRAMES)
    thing = "" if color == DRAWER else _thing(rng, color)
    if task in TASKS:
        text = rng.choice(frames).format(p=rng.choice(phrases[task]).format(o=thing))
    else:
        furnished = FURNISHED_PHRASES if split == "train" else HELDOUT_FURNISHED_PHRASES
        drawers = (*DRAWER_WORDS, *(words.format(side=side) for words in SIDED_DRAWER_WORDS if side))
        words = {"o": thing, "d": rng.choice(drawers), "z": rng.choice(ZONE_WORDS)}
        text = rng.choice(frames).format(p=rng.choice(furnished[task]).format(**words))
    if rng.random() < 0.5:
        text = text[0].upper() + text[1:]
    if rng.random() < 0.4:
        text += "."
    return Sentence(text, task, color)


def _thing(rng: random.Random, color: str) -> str:
    return f"{rng.choice(ARTICLES)} {rng.choice(COLOR_WORDS[color])} {rng.choice(NOUNS)}"


def meaning(text: str, furnished: bool = False) -> tuple[str, str] | None:
    """Task and target that a sentence names, by its key words; None when it is not clear.

    Only for choosing a scene and judging an attempt at a sentence typed by a person. A policy never uses it.
    furnished: whether there is furniture; without, a sentence about it is not clear.
    """
    said = text.lower().replace("go ahead and", "")  # a frame, not a way to go
    words = "".join(c if c.isalpha() else " " for c in said).split()
    known = {color: {word for name in names for word in name.split()} for color, names in COLOR_WORDS.items()}
    colors = {color for color, names in known.items() if (names - {"bright", "dark", "coloured"}) & {*words}}
    about = furnished_task(words, bool(colors))
    if {*words} & {"drawer", "tray", "zone", "circle", "area", "disc"}:
        if not furnished or not about or len(colors) != (about not in DRAWER_TASKS):
            return None
        return about, colors.pop() if colors else DRAWER
    left, right = (any(word.startswith(side) for word in words) for side in ("left", "right"))
    if len(colors) != 1 or (left and right):
        return None
    color = colors.pop()
    if left or right:
        return ("push_left" if left else "push_right"), color
    picking = {"pick", "grab", "grasp", "grip", "lift", "raise", "take", "hold", "seize", "fetch", "collect", "up"}
    reaching = {"reach", "move", "go", "touch", "hover", "point", "approach", "near", "close", "above", "over"}
    if {*words} & picking:
        return "pick", color
    if {*words} & (reaching | {"gripper", "hand"}):
        return "reach", color
    return ("pick", color) if "get" in words else None
