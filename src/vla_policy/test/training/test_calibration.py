import dataclasses
import random

import numpy as np
import pytest

from vla_core.contract import UncertaintySpec
from vla_core.testing import make_observation_example
from vla_core.testing.examples import make_contract_example
from vla_policy.training.calibration import (
    CASES,
    KNOWN,
    UNKNOWN,
    Record,
    choose,
    doubts,
    episodes,
    judged,
    spoiler,
)
from vla_policy.training.calibration_report import auroc, markdown, summary
from vla_policy.training.signals import SIGNALS
from vla_sim.spec import CALIBRATION_SEEDS, EVALUATION_SEEDS, TRAINING_SEEDS

SPEC = UncertaintySpec("token_entropy", 2.0, 2.5, 3.0)


def episode(case="training wording", entropy=2.0, chunks=40, success=True, scale=1.0, travel_m=1.0):
    signals = {name: np.full(chunks, entropy) for name in SIGNALS}
    return Record(case, "pick", success and case in KNOWN, False, travel_m, signals, np.full(chunks, scale))


def test_seeds_of_calibration_are_neither_trained_nor_judged_on():
    for other in (TRAINING_SEEDS, EVALUATION_SEEDS):
        assert not {*other[::1000], other[-1]} & {*CALIBRATION_SEEDS[::1000]}
        assert other[-1] < CALIBRATION_SEEDS[0] or CALIBRATION_SEEDS[-1] < other[0]


def test_doubt_is_known_only_after_two_seconds():
    found = doubts(np.arange(40.0))
    assert np.isnan(found[:20]).all()
    assert found[20] == pytest.approx(10.0), "mean of the chunks of 2 s, both ends counted"
    assert len(judged([episode(chunks=15), episode(chunks=30)])) == 10


def test_thresholds_leave_nearly_every_known_chunk_at_full_speed_and_hold_no_episode_that_succeeded():
    rng = random.Random(0)
    known = [episode(entropy=2.0 + 0.8 * rng.random()) for _ in range(300)]
    lost = [episode(entropy=3.5, success=False)]
    unknown = [episode("noise", entropy) for entropy in (2.4, 3.2, 4.0)]
    spec = choose([*known, *lost, *unknown])
    assert spec.hold_above == 3.2
    assert choose([*lost, *[episode("noise", 1.0)] * 9]).hold_above > 0.0, "one that never succeeded is calibrated too"
    assert choose([*known, *lost, *[episode("noise", 1.0)] * 9]).hold_above >= judged(known).max() - 1e-3
    values = judged([*known, *lost])
    assert (values <= spec.full_speed_below + 1e-3).mean() >= 0.99
    assert (spec.kind, spec.window_s) == ("token_entropy", 2.0)


def test_the_area_under_the_curve_by_hand():
    assert auroc(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    assert auroc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 0.0
    assert auroc(np.array([1.0, 3.0]), np.array([2.0, 3.0])) == pytest.approx((0.5 + 0.75) / 2)
    assert np.isnan(auroc(np.zeros(0), np.ones(3)))


def test_the_tables_tell_success_and_slowing_before_and_after():
    before = [episode(case, success=number < 9, travel_m=2.0) for case in CASES for number in range(10)]
    after = [
        episode(case, success=number < 8, scale=1.0 if case in KNOWN else 0.01, travel_m=0.5)
        for case in CASES
        for number in range(10)
    ]
    result = summary(SPEC, before, before, after)
    lines = markdown(result).splitlines()
    assert lines[0].count("hold_above: 3") == 1
    known = next(line for line in lines if line.startswith("| training wording"))
    assert "90.0%, 80.0%" in known and "100.00%" in known
    unknown = next(line for line in lines if line.startswith("| noise"))
    assert "| 0.0% |" in unknown and "0%, 100%" not in known and "2.00, 0.50" in unknown
    table = [line for line in lines if line.startswith(("| ", "|---"))]
    assert {line.count("|") for line in table[: len(SIGNALS) + 2]} == {6}
    assert {line.count("|") for line in table[len(SIGNALS) + 2 :]} == {10}


def test_every_case_is_played():
    jobs = episodes(range(8))
    assert {case for case, _, _ in jobs} == {*CASES}
    assert len(jobs) == 8 * (2 * 4 + len(UNKNOWN)) == len({*jobs})


@pytest.mark.parametrize(("case", "changed"), [
    ("training wording", set()), ("front black", {"front"}), ("both black", {"front", "wrist"}),
    ("wrist covered", {"wrist"}), ("noise", {"front", "wrist"}),
])  # fmt: skip
def test_what_a_spoilt_camera_shows(case, changed):
    seen = make_observation_example(make_contract_example())
    spoilt = spoiler(case, np.random.default_rng(99))(seen)
    assert {name for name in seen.images if not np.array_equal(seen.images[name], spoilt.images[name])} == changed
    for name in seen.images:
        assert (spoilt.images[name].shape, spoilt.images[name].dtype) == (seen.images[name].shape, np.uint8)


def test_a_frozen_camera_goes_on_showing_the_first_picture():
    contract = make_contract_example()
    spoil = spoiler("front frozen", np.random.default_rng(0))
    first, second = (make_observation_example(contract, seed=seed) for seed in (1, 2))
    np.testing.assert_array_equal(spoil(first).images["front"], first.images["front"])
    later = spoil(second)
    np.testing.assert_array_equal(later.images["front"], first.images["front"])
    np.testing.assert_array_equal(later.images["wrist"], second.images["wrist"])
    assert dataclasses.replace(later, images=second.images) == second
