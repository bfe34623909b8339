from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.chunking import ChunkScheduler, Dropped, JointState, SchedulerConfig
from vla_core.errors import ActionError
from vla_core.limits import JointLimits, load_joint_limits
from vla_core.testing import chain
from vla_core.types import FloatArray, JointPlan

LIMITS = load_joint_limits(chain.urdf(), chain.LIMITS_YAML, chain.JOINTS)
GRIPPER = JointLimits(("finger_joint1",), ("m",), [0.0], [0.04], [0.2], [10.0], [5000.0], [20.0])  # type: ignore[arg-type]
NOW = 1_000_000_000_003
MS = 1_000_000
HOME = chain.HOME


def chunk(t0_ns: int, positions: FloatArray, gripper: FloatArray | None = None, period_s: float = 0.1) -> JointPlan:
    times_s = np.arange(float(len(positions))) * period_s
    name = None if gripper is None else "finger_joint1"
    return JointPlan(chain.JOINTS, t0_ns, times_s, positions, gripper_joint=name, gripper_positions=gripper)


def line(t0_ns: int, rate: float, since_ns: int = NOW) -> JointPlan:
    """Every joint moves at ``rate`` [rad/s] from home since ``since_ns``."""
    times_s = (t0_ns - since_ns) * 1e-9 + np.arange(8) * 0.1
    return chunk(t0_ns, HOME + rate * times_s[:, None])


def started(config: SchedulerConfig | None = None, gripper: float | None = 0.04) -> ChunkScheduler:
    scheduler = ChunkScheduler(LIMITS, config, GRIPPER)
    scheduler.reset(HOME, NOW, gripper)
    return scheduler


def published(result: JointPlan | Dropped) -> JointPlan:
    assert isinstance(result, JointPlan), result
    return result


def quintics(plan: JointPlan) -> FloatArray:
    """(N-1, 6, J) coefficients, lowest first, of the quintics through the points: what a controller interpolates.

    Solved from the six boundary conditions, independently of the splines under test.
    """
    assert plan.velocities is not None and plan.accelerations is not None
    rows = []
    for i, h in enumerate(np.diff(plan.times_s)):
        powers = h ** np.arange(6)
        conditions = np.array(
            [
                [1, 0, 0, 0, 0, 0],
                [0, 1, 0, 0, 0, 0],
                [0, 0, 2, 0, 0, 0],
                powers,
                [0, 1, 2 * h, 3 * h**2, 4 * h**3, 5 * h**4],
                [0, 0, 2, 6 * h, 12 * h**2, 20 * h**3],
            ]
        )
        states = (plan.positions, plan.velocities, plan.accelerations)
        rows.append(np.linalg.solve(conditions, np.array([s[i] for s in states] + [s[i + 1] for s in states])))
    return np.array(rows)


def sampled(plan: JointPlan, per_piece: int = 5) -> list[FloatArray]:
    """Position, velocity, acceleration, jerk, each (M, J), by quintic interpolation."""
    coefficients = quintics(plan)
    offsets = np.diff(plan.times_s)[:, None] * np.linspace(0.0, 1.0, per_piece)
    result = []
    for _ in range(4):
        powers = offsets[:, :, None] ** np.arange(coefficients.shape[1])
        result.append(np.einsum("ipk,ikj->ipj", powers, coefficients).reshape(-1, coefficients.shape[2]))
        coefficients = coefficients[:, 1:] * np.arange(1, coefficients.shape[1])[:, None]
    return result


def at(plan: JointPlan, stamp_ns: int) -> FloatArray:
    """(3, J) position, velocity, acceleration of a plan at an instant, by quintic interpolation; rest at the end."""
    time_s = (stamp_ns - plan.t0_ns) * 1e-9
    if time_s >= plan.times_s[-1]:
        return np.array([plan.positions[-1], np.zeros(7), np.zeros(7)])
    piece = int(np.searchsorted(plan.times_s, time_s, side="right")) - 1
    assert piece >= 0, "the plan begins later"
    c, u = quintics(plan)[piece], time_s - plan.times_s[piece]
    powers = u ** np.arange(6)
    first = c[1:] * np.arange(1, 6)[:, None]
    second = first[1:] * np.arange(1, 5)[:, None]
    return np.array([powers @ c, powers[:5] @ first, powers[:4] @ second])


def assert_sound(plan: JointPlan, now_ns: int) -> None:
    """What must be true of every plan, whatever was asked for."""
    assert plan.velocities is not None and plan.accelerations is not None
    assert (np.diff(plan.times_s) > 0.0).all() and plan.times_s[0] >= 0.0
    assert plan.t0_ns + round(plan.times_s[0] * 1e9) <= now_ns
    assert not plan.velocities[-1].any() and not plan.accelerations[-1].any()
    position, velocity, acceleration, jerk = sampled(plan)
    slack = 1e-6
    assert (position >= LIMITS.lower - slack).all() and (position <= LIMITS.upper + slack).all()
    assert (np.abs(velocity) <= LIMITS.velocity * 0.951).all()
    assert (np.abs(acceleration) <= LIMITS.acceleration * 0.951).all()
    assert (np.abs(jerk) <= LIMITS.jerk).all()
    assert not plan.positions.flags.writeable


latencies_ms = st.integers(10, 300)
wild = st.lists(
    st.tuples(
        latencies_ms,
        st.integers(1, 130),  # until the next observation
        st.floats(0.0, 2.0),  # how far waypoints scatter [rad]
        st.integers(0, 2**32 - 1),
        st.booleans(),  # the instruction changes
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(wild, st.sampled_from(["ensemble", "receding"]))
def test_whatever_is_asked_for_plans_join_without_a_jump_and_keep_the_limits(
    chunks: list[tuple[int, int, float, int, bool]], mode: str
) -> None:
    scheduler = started(SchedulerConfig(mode=mode))  # type: ignore[arg-type]
    before: JointPlan | None = None
    now_ns = NOW
    for latency_ms, wait_ms, scatter, seed, changed in chunks:
        t0_ns = now_ns + wait_ms * MS
        now_ns = t0_ns + latency_ms * MS
        if changed:
            scheduler.forget()
        positions = HOME + scatter * np.random.default_rng(seed).standard_normal((8, 7))
        plan = published(scheduler.add(chunk(t0_ns, positions), now_ns))
        assert_sound(plan, now_ns)
        for stamp_ns in (now_ns, now_ns + 7 * MS, now_ns + 20 * MS):  # the splice is never earlier than this
            was = np.array([HOME, np.zeros(7), np.zeros(7)]) if before is None else at(before, stamp_ns)
            np.testing.assert_allclose(at(plan, stamp_ns), was, atol=1e-6)
        before = plan


@settings(max_examples=30, deadline=None)
@given(st.lists(latencies_ms, min_size=12, max_size=12))
def test_where_the_arm_goes_depends_on_stamps_and_not_on_latency(latencies: list[int]) -> None:
    scheduler = started()
    now_ns = NOW
    for latency_ms in latencies:
        t0_ns = now_ns
        now_ns = t0_ns + latency_ms * MS
        published(scheduler.add(line(t0_ns, 0.3), now_ns))
    after_ns = now_ns + 100 * MS
    if after_ns - NOW > 1000 * MS:  # caught up with the line, which was ahead when the first chunk came
        expected = HOME + 0.3 * (after_ns - NOW) * 1e-9
        np.testing.assert_allclose(scheduler.executed(after_ns).positions, expected, atol=0.01)


def test_a_plan_reaches_each_waypoint_when_it_is_due() -> None:
    scheduler = started()
    times_s = np.arange(8) * 0.1
    positions = HOME + 0.1 * (1.0 - np.cos(np.pi * times_s / 0.7))[:, None]
    plan = published(scheduler.add(chunk(NOW, positions), NOW + 5 * MS))
    for k in range(2, 7):
        reached = at(plan, NOW + k * 100 * MS)[0]
        np.testing.assert_allclose(reached, positions[k], atol=0.004)
    np.testing.assert_allclose(plan.positions[-1], positions[-1], atol=0.002)


def test_a_plan_counts_from_its_own_t0_and_begins_before_now() -> None:
    plan = published(started().add(line(NOW, 0.2), NOW + 150 * MS))
    assert plan.t0_ns == NOW
    assert 0.13 < plan.times_s[0] <= 0.15


def test_a_chunk_without_latency_begins_at_its_t0() -> None:
    plan = published(started().add(line(NOW, 0.2), NOW))
    assert plan.times_s[0] == 0.0
    assert_sound(plan, NOW)


def test_points_are_20_ms_apart() -> None:
    plan = published(started().add(line(NOW, 0.2), NOW + 150 * MS))
    np.testing.assert_allclose(np.diff(plan.times_s), 0.02, atol=1e-9)
    assert len(plan.times_s) <= 80


def test_a_mild_plan_is_not_smoothed_away_from_its_path() -> None:
    scheduler = started(SchedulerConfig(mode="receding"))
    now_ns = NOW
    for _ in range(20):
        t0_ns, now_ns = now_ns, now_ns + 100 * MS
        times_s = (t0_ns - NOW) * 1e-9 + np.arange(8) * 0.1
        published(scheduler.add(chunk(t0_ns, HOME + 0.3 * np.sin(2.0 * times_s)[:, None]), now_ns))
        late_s = (now_ns - NOW) * 1e-9 + 0.1
        if late_s > 1.0:
            state = scheduler.executed(now_ns + 100 * MS)
            np.testing.assert_allclose(state.positions, HOME + 0.3 * np.sin(2.0 * late_s), atol=0.003)
            np.testing.assert_allclose(state.velocities, 0.6 * np.cos(2.0 * late_s), atol=0.05)


def test_the_arm_does_not_pause_at_seams() -> None:
    """Ten chunks of one steady motion, 250 ms late each: the speed never drops once it is reached."""
    scheduler = started()
    now_ns, speeds = NOW, []
    for _ in range(10):
        t0_ns, now_ns = now_ns, now_ns + 250 * MS
        published(scheduler.add(line(t0_ns, 0.15), now_ns))
        speeds += [scheduler.executed(now_ns + k * 10 * MS).velocities for k in range(25)]
    steady = np.array(speeds[75:])
    np.testing.assert_allclose(steady, 0.15, atol=0.01)


def test_a_target_too_fast_for_the_arm_is_followed_at_cruising_speed() -> None:
    plan = published(started().add(chunk(NOW, np.tile(HOME + 1.0, (8, 1))), NOW + 20 * MS))
    assert_sound(plan, NOW + 20 * MS)
    assert plan.velocities is not None
    assert plan.velocities.max() > 0.6 * LIMITS.velocity[0]


def test_targets_outside_the_position_limits_end_inside_them() -> None:
    scheduler = started()
    now_ns = NOW
    for _ in range(12):
        t0_ns, now_ns = now_ns, now_ns + 200 * MS
        plan = published(scheduler.add(chunk(t0_ns, np.tile(LIMITS.upper + 5.0, (8, 1))), now_ns))
        assert_sound(plan, now_ns)
    np.testing.assert_allclose(plan.positions[-1], LIMITS.upper - 0.01, atol=0.001)


def test_an_arm_that_starts_outside_its_limits_moves_only_inwards() -> None:
    start = HOME.copy()
    start[3] = LIMITS.upper[3] + 0.02
    scheduler = ChunkScheduler(LIMITS)
    scheduler.reset(start, NOW)
    plan = published(scheduler.add(chunk(NOW, np.tile(start, (8, 1))), NOW + 50 * MS))
    assert plan.positions[:, 3].max() <= start[3] + 1e-9
    assert plan.positions[-1, 3] < start[3]


def test_without_further_chunks_the_arm_rests_at_the_last_waypoint() -> None:
    scheduler = started()
    plan = published(scheduler.add(line(NOW, 0.3), NOW + 100 * MS))
    end = scheduler.executed(NOW + 10_000 * MS)
    np.testing.assert_allclose(end.positions, HOME + 0.21, atol=0.003)
    np.testing.assert_array_equal(end.positions, plan.positions[-1])
    assert not end.velocities.any()
    assert plan.positions.max(axis=0) == pytest.approx(HOME + 0.21, abs=0.003)  # nothing is extrapolated


# -- chunks that are not used -------------------------------------------------------------------------------------


def test_a_chunk_is_late_when_all_of_its_actions_are_past() -> None:
    scheduler = started()
    dropped = scheduler.add(line(NOW, 0.3), NOW + 690 * MS)  # the splice comes at 700 at the earliest
    assert isinstance(dropped, Dropped)
    assert dropped.reason == "late"
    assert not scheduler.executed(NOW + 800 * MS).velocities.any()
    assert isinstance(scheduler.add(line(NOW + MS, 0.3), NOW + 640 * MS), JointPlan)


@pytest.mark.parametrize(
    ("t0_ms", "now_ms", "reason"),
    [(0, 250, "out_of_order"), (100, 250, "out_of_order"), (900, 260, "from_future"), (150, -900, "clock_went_back")],
)
def test_a_chunk_with_strange_stamps_is_dropped(t0_ms: int, now_ms: int, reason: str) -> None:
    scheduler = started()
    published(scheduler.add(line(NOW + 100 * MS, 0.3), NOW + 200 * MS))
    before = scheduler.executed(NOW + 400 * MS).positions
    dropped = scheduler.add(line(NOW + t0_ms * MS, 5.0), NOW + now_ms * MS)
    assert isinstance(dropped, Dropped)
    assert dropped.reason == reason
    np.testing.assert_array_equal(scheduler.executed(NOW + 400 * MS).positions, before)


def test_before_the_first_reset_nothing_is_planned() -> None:
    scheduler = ChunkScheduler(LIMITS)
    dropped = scheduler.add(line(NOW, 0.3), NOW)
    assert isinstance(dropped, Dropped)
    assert dropped.reason == "no_state"
    with pytest.raises(ActionError, match="reset"):
        scheduler.executed(NOW)


def test_a_reset_makes_older_stamps_welcome_again() -> None:
    scheduler = started()
    published(scheduler.add(line(NOW + 100 * MS, 0.3), NOW + 200 * MS))
    scheduler.reset(HOME, NOW - 5000 * MS)
    published(scheduler.add(line(NOW - 5000 * MS, 0.3), NOW - 4900 * MS))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_plan_that_is_not_finite_is_refused_and_changes_nothing(value: float) -> None:
    scheduler = started()
    positions = np.tile(HOME, (8, 1))
    positions[3, 2] = value
    with pytest.raises(ActionError, match="not finite"):
        scheduler.add(chunk(NOW, positions), NOW + 50 * MS)
    with pytest.raises(ActionError, match="not finite"):
        scheduler.add(chunk(NOW, np.tile(HOME, (8, 1)), np.full(8, value)), NOW + 50 * MS)
    published(scheduler.add(chunk(NOW, np.tile(HOME, (8, 1))), NOW + 50 * MS))


def test_a_plan_of_other_joints_or_shapes_is_refused() -> None:
    good = line(NOW, 0.1)
    with pytest.raises(ActionError, match="joints"):
        started().add(JointPlan(chain.JOINTS[::-1], NOW, good.times_s, good.positions), NOW)
    with pytest.raises(ActionError, match="shape"):
        started().add(JointPlan(chain.JOINTS, NOW, good.times_s, good.positions[:5]), NOW)
    with pytest.raises(ActionError, match="increase"):
        started().add(JointPlan(chain.JOINTS, NOW, good.times_s[::-1], good.positions), NOW)
    with pytest.raises(ActionError, match="no actions"):
        started().add(JointPlan(chain.JOINTS, NOW, good.times_s[:0], good.positions[:0]), NOW)
    with pytest.raises(ActionError, match="together"):
        started().add(JointPlan(chain.JOINTS, NOW, good.times_s, good.positions, gripper_joint="finger_joint1"), NOW)
    with pytest.raises(ActionError, match="positions must be 7"):
        started().reset(HOME[:5], NOW)


# -- instructions, gripper, what the gate did ---------------------------------------------------------------------


def test_a_new_instruction_discards_what_the_old_one_wanted() -> None:
    def ends(forget: bool) -> FloatArray:
        scheduler = started(SchedulerConfig(ensemble_decay=0.0))
        published(scheduler.add(line(NOW, 0.1), NOW + 50 * MS))
        if forget:
            scheduler.forget()
        later = published(scheduler.add(chunk(NOW + 100 * MS, np.tile(HOME, (8, 1))), NOW + 150 * MS))
        reached: FloatArray = at(later, NOW + 500 * MS)[0] - HOME
        return reached

    assert np.abs(ends(forget=True)).max() < 0.003
    assert ends(forget=False).min() > 0.02  # the mean of both


def test_members_are_weighted_as_in_act() -> None:
    def between(decay: float) -> float:
        scheduler = started(SchedulerConfig(ensemble_decay=decay))
        published(scheduler.add(chunk(NOW, np.tile(HOME, (8, 1))), NOW + 20 * MS))
        plan = published(scheduler.add(chunk(NOW + 100 * MS, np.tile(HOME + 0.02, (8, 1))), NOW + 120 * MS))
        return float((at(plan, NOW + 450 * MS)[0] - HOME)[0]) / 0.02

    for decay in (0.5, 0.0, -1.0):
        assert between(decay) == pytest.approx(np.exp(-decay) / (1.0 + np.exp(-decay)), abs=0.05)


def test_the_gripper_obeys_the_newest_chunk_at_the_speed_it_has() -> None:
    scheduler = started()
    closing = np.where(np.arange(8) < 3, 0.04, 0.0)
    plan = published(scheduler.add(chunk(NOW, np.tile(HOME, (8, 1)), closing), NOW + 50 * MS))
    assert plan.gripper_positions is not None
    assert plan.gripper_joint == "finger_joint1"
    assert plan.gripper_positions.shape == plan.times_s.shape
    assert plan.gripper_positions[0] == pytest.approx(0.04)
    assert plan.gripper_positions[-1] == 0.0
    rates = np.diff(plan.gripper_positions) / np.diff(plan.times_s)
    assert np.abs(rates).max() <= 0.2 * 0.951
    at_200 = np.interp(0.2, plan.times_s, plan.gripper_positions)
    assert at_200 == pytest.approx(0.04, abs=1e-9)

    reopen = published(scheduler.add(chunk(NOW + 100 * MS, np.tile(HOME, (8, 1)), np.full(8, 1.0)), NOW + 150 * MS))
    assert reopen.gripper_positions is not None
    assert reopen.gripper_positions.max() == 0.04


def test_a_resumed_motion_goes_on_from_what_the_gate_did() -> None:
    scheduler = started()
    published(scheduler.add(line(NOW, 0.4), NOW + 50 * MS))
    state = JointState(HOME + 0.05, np.full(7, 0.2), np.full(7, -0.5))
    knot_ns = (NOW + 300 * MS) // (20 * MS) * 20 * MS
    scheduler.resume(state, knot_ns)
    resumed = scheduler.executed(knot_ns)
    np.testing.assert_allclose(resumed.positions, state.positions, atol=1e-12)
    np.testing.assert_allclose(resumed.velocities, state.velocities, atol=1e-12)
    np.testing.assert_allclose(resumed.accelerations, state.accelerations, atol=1e-9)
    stopped = scheduler.executed(knot_ns + 2000 * MS)
    assert not stopped.velocities.any()
    assert (stopped.positions < HOME + 0.1).all()
    plan = published(scheduler.add(line(NOW + 200 * MS, 0.4), knot_ns + 30 * MS))
    assert_sound(plan, knot_ns + 30 * MS)


def test_a_longer_chunk_is_cut_at_the_horizon() -> None:
    config = SchedulerConfig(max_horizon_s=0.5)
    scheduler = started(config)
    plan = published(scheduler.add(chunk(NOW, HOME + 0.2 * np.arange(50)[:, None] * 0.1), NOW + 50 * MS))
    np.testing.assert_allclose(plan.positions[-1], HOME + 0.1, atol=0.002)


def test_a_chunk_of_one_action_is_a_target_while_it_is_due() -> None:
    plan = JointPlan(chain.JOINTS, NOW, np.array([0.3]), HOME[None] + 0.05)
    np.testing.assert_allclose(published(started().add(plan, NOW)).positions[-1], HOME + 0.05, atol=0.003)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "mean"},
        {"smoothing_s": (0.1, 0.05)},
        {"smoothing_s": ()},
        {"limit_fraction": 1.1},
        {"cruise_fraction": 0.99},
        {"max_members": 0},
        {"ensemble_decay": float("nan")},
        {"brake_s": 0.0},
        {"knot_s": 0.0},
    ],
)
def test_a_config_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|at least|positive|hold"):
        SchedulerConfig(**wrong)  # type: ignore[arg-type]
