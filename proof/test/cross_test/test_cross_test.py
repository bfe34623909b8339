"""The cross test counts what the gate decided, fails where it should, and a small run of it keeps the promise."""

from __future__ import annotations

import json
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from proof.cross_test.gated import Decided, GatedArm, shipped_parameters, shipped_replan_hz
from proof.cross_test.run import BUNDLE, Episode, Options, holds, main, show, summary
from vla_core.contract import load_bundle
from vla_core.types import ActionChunk
from vla_policy.onnx_policy import OnnxPolicy
from vla_policy.training.calibration import spoiler
from vla_policy.training.rollout import attempt, observe
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import EVALUATION_SEEDS
from vla_sim.tasks import EpisodeJudge

OPTIONS = Options(10.0, 0.02, 15.0)
PASS = Decided(0.1, "PASS", "", "", 1.0)
SLOW = Decided(0.2, "SLOW", "velocity_limit", "joint1 is too fast", 1.0)


def episode(*decided: Decided, excess: float = 0.0, stop: str = "") -> Episode:
    return Episode(1_000_000, "pick", "pick up the red cube", True, False, 4.0, excess, stop, list(decided))


def test_the_promise_is_kept_at_99_of_100_and_broken_below() -> None:
    assert holds(summary([episode(*[PASS] * 99, SLOW)], OPTIONS))
    assert not holds(summary([episode(*[PASS] * 98, SLOW)], OPTIONS))
    assert not holds(summary([episode()], OPTIONS)), "nothing measured is no proof"


def test_what_the_policy_itself_asked_to_slow_is_counted_apart() -> None:
    asked = Decided(0.2, "HOLD", "unsure", "asks for less", 0.1)
    result = summary([episode(*[PASS] * 99, *[asked] * 50, SLOW)], OPTIONS)
    assert holds(result)
    assert (result["sure"], result["sure_passed_share"], result["passed_share"]) == (100, 0.99, 0.66)


def test_a_limit_that_the_simulator_saw_broken_breaks_it() -> None:
    result = summary([episode(*[PASS] * 100), episode(*[PASS] * 100, excess=0.02)], OPTIONS)
    assert not holds(result)
    assert result["violations"] == [{"seed": 1_000_000, "task": "pick", "excess": 0.02}]


def test_what_did_not_pass_is_listed_by_reason_with_an_example() -> None:
    dropped = Decided(0.3, "DROPPED", "planner", "too late", 0.5)
    result = summary([episode(PASS, SLOW, SLOW, dropped, stop="tracking_error: joint2")], OPTIONS)
    assert result["decisions"] == {"PASS": 1, "SLOW": 2, "DROPPED": 1}
    assert result["reasons"] == {"SLOW velocity_limit": 2, "DROPPED planner": 1}
    assert (result["passed"], result["chunks"], result["sure"]) == (1, 4, 3)
    console = Console(width=200, record=True)
    show(result, console)
    text = console.export_text()
    assert "2 × SLOW velocity_limit, first: seed 1000000 at 0.20 s: joint1 is too fast" in text
    assert "stop in seed 1000000 (pick): tracking_error: joint2" in text


@pytest.mark.parametrize(("option", "value"), [("--replan-hz", "30"), ("--latency-ms", "15"), ("--latency-ms", "100")])
def test_times_that_lock_step_cannot_keep_are_refused(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--replan-hz", "10", option, value])
    assert "ms" in capsys.readouterr().err


def test_the_gate_is_configured_as_shipped() -> None:
    parameters = shipped_parameters()
    assert parameters["use_sim_time"] and parameters["required_cameras"] == ["front", "wrist"]
    assert 1.0 <= shipped_replan_hz() <= 100.0


@pytest.mark.render
def test_a_plan_that_breaks_a_limit_does_not_pass_unnoticed() -> None:
    """The planner is made to lie: what it sends jumps a radian. The gate refuses it, and the arm does not move."""
    sim = TabletopSim()
    contract = load_bundle(BUNDLE).contract
    sim.reset(scene_from_seed(EVALUATION_SEEDS[0]))
    arm = GatedArm(sim, contract, "pick up the red cube")
    honest = arm._planner.plan

    def lie(*arguments: object) -> object:
        plan = honest(*arguments)
        object.__setattr__(plan, "positions", plan.positions + 1.0)
        return plan

    arm._planner.plan = lie
    before = sim.joint_positions()
    still = ActionChunk(np.tile([0.0] * 7 + [0.04], (8, 1)))
    arm.start(still, observe(sim, contract.camera_names, "pick it up"), 0.0)
    for _ in range(50):
        arm.step()
    assert arm.decided[-1].decision == "HOLD" and arm.decided[-1].reason == "step_limit"
    np.testing.assert_allclose(sim.joint_positions(), before, atol=2e-3)


@pytest.mark.render
def test_a_small_run_keeps_the_promise(tmp_path: Path) -> None:
    out = tmp_path / "cross_test.json"
    arguments = ["--episodes", "3", "--processes", "1", "--timeout", "6", "--out", str(out)]
    assert main(arguments) == 0
    result = json.loads(out.read_text())
    assert result["episodes"] == 3 and result["chunks"] > 60
    assert sum(result["decisions"].values()) == result["chunks"]


@pytest.mark.render
def test_a_policy_that_sees_only_noise_is_brought_to_rest_and_never_stopped_for_it() -> None:
    """Cameras show noise: from its doubt alone the shipped policy asks for a hold, and the gate grants it."""
    sim, policy = TabletopSim(), OnnxPolicy(load_bundle(BUNDLE))
    scene = scene_from_seed(EVALUATION_SEEDS[1], task="pick")
    sim.reset(scene)
    arm = GatedArm(sim, policy.contract, "pick up the cube")
    judge = EpisodeJudge(scene.task, scene.target, sim.state())
    speeds: list[float] = []
    attempt(
        sim, policy, f"pick up the {scene.target} cube", judge, timeout_s=10.0, mover=arm,
        spoil=spoiler("noise", np.random.default_rng(0)), on_step=lambda _: speeds.append(sim.joint_velocities()[:7]),
    )  # fmt: skip
    held = [decided.decision == "HOLD" and decided.reason == "unsure" for decided in arm.decided]
    assert any(held) and not arm.stopped
    longest = max(range(len(held)), key=lambda k: len(list(takewhile(bool, held[k:]))))
    resting = speeds[longest + 6 : longest + len(list(takewhile(bool, held[longest:])))]
    assert len(resting) > 5 and np.abs(resting).max() < 0.02, "at rest half a second after the hold began"
