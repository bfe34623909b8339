"""What an attempt is made under: the nominal cell, or one thing that is harder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vla_core.errors import VlaError
from vla_policy.training.grammar import Split


class ConditionError(VlaError):
    """An unknown condition was asked for."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One way to be tested. title: for people. The rest is off by default.

    split: sentences of the training grammar, or phrases and frames that training never saw.
    light: intensity and direction of the light drawn anew, half as far again as in training.
    table: colour of table and floor drawn anew.
    camera_m: the front camera stands this far from its place, in a random direction [m].
    noise: standard deviation of every pixel, of 255.
    covered: side of a grey square over the front image, as a share of the image's.
    late_s: images are this old; joint states are not [s].
    push_n: somebody pushes the hand sideways with this force, for 0.2 s, about once in 2 s [N].
    instead_s: another instruction was obeyed for this long before the one that counts [s].
    """

    name: str
    title: str
    split: Split = "train"
    light: bool = False
    table: bool = False
    camera_m: float = 0.0
    noise: float = 0.0
    covered: float = 0.0
    late_s: float = 0.0
    push_n: float = 0.0
    instead_s: float = 0.0


NOMINAL = Condition("nominal", "sentences of training")
PARAPHRASES = Condition("paraphrases", "held-out sentences", split="heldout")
CONDITIONS = (
    NOMINAL,
    PARAPHRASES,
    Condition("instruction_changed", "another instruction for 1.5 s before", instead_s=1.5),
    Condition("light", "light beyond the training range", light=True),
    Condition("texture", "random table and floor colours", table=True),
    Condition("camera_moved", "front camera 3 cm off", camera_m=0.03),
    Condition("image_noise", "pixel noise of 12 in 255", noise=12.0 / 255.0),
    Condition("occlusion", "a quarter of the front image's side covered", covered=0.25),
    Condition("images_late", "images 200 ms late", late_s=0.2),
    Condition("pushes", "pushes of 30 N on the hand", push_n=30.0),
)


def chosen(names: Sequence[str]) -> tuple[Condition, ...]:
    """The conditions of ``names``, all of them for none. ConditionError for an unknown name."""
    known = {condition.name: condition for condition in CONDITIONS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConditionError(f"condition {', '.join(map(repr, unknown))} unknown; valid: {', '.join(known)}")
    return tuple(known[name] for name in names) or CONDITIONS
