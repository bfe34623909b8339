"""A few thousand of the commands of ``make fuzz``, and stories that hypothesis makes up and shrinks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proof.fuzz import report, robots
from proof.fuzz.__main__ import main
from proof.fuzz.aims import Aims
from proof.fuzz.arm_driver import ArmDriver
from proof.fuzz.chunks import Planner
from proof.fuzz.faults import Faults
from proof.fuzz.oracle import ArmOracle
from proof.fuzz.run import Totals
from proof.fuzz.sequence import arm_sequence, base_sequence, play
from proof.fuzz.singles import SHORTS, SINGLES
from proof.fuzz.spoiling import SPOILERS
from proof.fuzz.story import FAULTS, HOME
from vla_core.safety.gate import ArmGate

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # overflow is what the commands are made for


@pytest.mark.parametrize("block", range(10))
def test_no_command_of_the_first_sequences_escapes(block):
    for index in range(3 * block, 3 * block + 3):
        outcome = play(1, index)
        assert outcome.escapes == [], f"python -m proof.fuzz --replay 1:{index}"
        assert outcome.offers.total() == 100


def test_a_sequence_is_the_same_again():
    first, second = play(5, 3), play(5, 3)
    assert (first.offers, first.events, first.messages) == (second.offers, second.events, second.messages)


def test_sequences_reach_every_rung_of_the_ladder_and_move_the_robots():
    arms, bases = [arm_sequence(2, index) for index in range(8)], [base_sequence(2, index) for index in range(8)]
    for outcomes, least in ((arms, 1000), (bases, 1000)):
        decisions = {decision for outcome in outcomes for (_, decision, _) in outcome.offers}
        assert {"PASS", "SLOW", "HOLD"} <= decisions
        assert sum(outcome.messages for outcome in outcomes) > least
    assert max(outcome.peaks["velocity"] for outcome in arms) > 0.9
    assert max(outcome.peaks["acceleration"] for outcome in arms) > 0.99


def single(maker):
    return lambda aims, planner, driver: maker(aims, driver.controller.state(driver.now_ns))


def chunk(index):
    def make(aims, planner, driver):
        stamp = max(driver.ros_ns, driver.last_ros_armed + planner.count)
        return planner.makers[index][0](driver.controller.state(driver.now_ns), stamp)

    return make


MAKERS = {maker.__name__: single(maker) for maker in (*SINGLES, *SHORTS)}
MAKERS |= {f"chunk {index}": chunk(index) for index in range(6)}
SPOILED = {spoiler.__name__: spoiler for spoiler in SPOILERS}
STEPS = st.one_of(
    st.tuples(st.sampled_from(list(MAKERS)), st.one_of(st.none(), st.sampled_from(list(SPOILED)))),
    st.tuples(st.just("fault"), st.sampled_from(sorted(set(FAULTS)))),
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.tuples(STEPS, st.integers(0, 30)), min_size=1, max_size=20))
def test_no_story_that_hypothesis_makes_up_escapes(seed, story):
    rng = np.random.default_rng(seed)
    limits, gripper = robots.arm_limits()
    driver = ArmDriver(ArmGate(robots.arm()), HOME, rng)
    aims = Aims(rng, limits)
    planner = Planner(aims, gripper.names[0])
    driver.reset()
    for (name, detail), ticks in story:
        if name == "fault":
            Faults(driver, rng, [detail]).strike()
        else:
            offer = MAKERS[name](aims, planner, driver)
            driver.offer(offer if detail is None else SPOILED[detail](offer, rng))
        driver.wait(ticks)
    driver.settle()
    assert ArmOracle(limits, gripper).judge(driver.journal) == []


def test_the_report_says_what_was_done_and_a_replay_repeats_it(tmp_path, capsys):
    out = tmp_path / "report.json"
    assert main(["--commands", "300", "--seed", "7", "--processes", "1", "--out", str(out)]) == 0
    content = json.loads(out.read_text())
    assert (content["commands"], content["escapes"], content["seed"], content["found"]) == (300, 0, 7, [])
    assert sum(content["by_decision"].values()) == 300
    assert sum(row["commands"] for row in content["by_generator"].values()) == 300
    assert main(["--replay", "7:0"]) == 0
    assert "100 commands, seed 7, 0 escapes" in capsys.readouterr().out


def test_an_escape_is_counted_and_can_be_replayed():
    outcome = play(7, 0)
    outcome.escapes = [type("E", (), {"promise": "rest", "at_ns": 5, "detail": "still moving"})()]
    totals = Totals(7)
    totals.add(outcome)
    content = report.report(totals)
    assert content["escapes"] == 1 and content["escapes_by_promise"] == {"rest": 1}
    assert content["found"][0]["replay"] == "7:0"
