"""The checker alone: a proposal and a snapshot in, a motion or a refusal out."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.checking import REPAIRS, Checker, Snapshot
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import Decision
from vla_core.safety.proposal import SOURCE_JOINT, Proposal, Trace

NAMES = ("shoulder", "elbow", "wrist")


@pytest.fixture
def checker(limits, gripper):
    return Checker(GateConfig(limits, gripper))


def command(times, positions, **changes):
    return Proposal(Trace(SOURCE_JOINT), NAMES, np.array(times), np.array(positions), **changes)


def test_a_command_that_slowing_does_not_cure_is_refused_after_some_rounds(checker, limits):
    """The arm is already faster than its limit: no stretching in time helps."""
    reference = np.zeros((3, 3))
    reference[1, 0] = 1.05 * limits.velocity[0]
    rounds = []
    rule = checker.derivatives[0].check
    checker.derivatives[0].check = lambda motion: rounds.append(motion) or rule(motion)
    proposal = command([0.5, 1.0], [[0.9, 0.0, 0.0], [1.2, 0.0, 0.0]])
    prepared = checker.prepare(proposal, Snapshot(3, reference, 7.0, np.zeros(3), 1.0), 7.0)
    assert (prepared.verdict.decision, prepared.verdict.reason) == (Decision.HOLD, "velocity_limit")
    assert prepared.motion is None and prepared.epoch == 3 and len(rounds) == REPAIRS
