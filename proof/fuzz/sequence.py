"""One sequence from its seed and index, played and judged."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from proof.fuzz import robots
from proof.fuzz.arm_driver import ArmDriver
from proof.fuzz.base_driver import BaseDriver
from proof.fuzz.base_oracle import BaseOracle
from proof.fuzz.journal import Escape, Journal
from proof.fuzz.oracle import ArmOracle
from proof.fuzz.story import COMMANDS, HOME, Story
from proof.fuzz.twists import TwistStory
from vla_core.safety.gate import ArmGate
from vla_core.safety.twist_gate import TwistGate

BASE_EVERY = 10


@dataclass(slots=True)
class Outcome:
    """Of one sequence. peaks: largest share of a limit. truth: what the simulator saw."""

    index: int
    mood: str
    offers: Counter[tuple[str, str, str]]
    events: Counter[str]
    messages: int
    escapes: list[Escape] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    truth: Counter[str] = field(default_factory=Counter)
    processor_s: float = 0.0


def play_arm(seed: int, index: int, commands: int = COMMANDS) -> tuple[str, Journal]:
    """The mood and the journal of one sequence."""
    rng = np.random.default_rng([seed, index])
    limits, gripper = robots.arm_limits()
    home = HOME if rng.random() < 0.5 else rng.uniform(limits.lower, limits.upper)
    driver = ArmDriver(ArmGate(robots.arm()), home, rng)
    mood = Story(driver, limits, gripper.names[0], rng).play(commands)
    return mood, driver.journal


def arm_sequence(seed: int, index: int, commands: int = COMMANDS) -> Outcome:
    """Play and judge."""
    mood, journal = play_arm(seed, index, commands)
    oracle = ArmOracle(*robots.arm_limits())
    escapes = oracle.judge(journal)
    truth, met = robots.truth().judge(journal)
    escapes += [escape for escape in met if robots.COLLISIONS_FAIL or not escape.promise.startswith("contact")]
    messages = len(journal.messages)
    return Outcome(index, mood, journal.offers, journal.events, messages, escapes, oracle.peaks, truth)


def play_base(seed: int, index: int, commands: int = COMMANDS) -> tuple[str, Journal]:
    """The mood and the journal of one sequence of a base."""
    rng = np.random.default_rng([seed, index])
    driver = BaseDriver(TwistGate(robots.base()), rng)
    mood = TwistStory(driver, robots.base_limits().speed, rng).play(commands)
    return mood, driver.journal


def base_sequence(seed: int, index: int, commands: int = COMMANDS) -> Outcome:
    """Play and judge."""
    mood, journal = play_base(seed, index, commands)
    oracle = BaseOracle(robots.base_limits())
    escapes = oracle.judge(journal)
    return Outcome(index, mood, journal.offers, journal.events, len(journal.twists), escapes, oracle.peaks)


def play(seed: int, index: int) -> Outcome:
    """One sequence; one in ten is of the base."""
    began = time.process_time()
    outcome = base_sequence(seed, index) if index % BASE_EVERY == BASE_EVERY - 1 else arm_sequence(seed, index)
    outcome.processor_s = time.process_time() - began
    return outcome
