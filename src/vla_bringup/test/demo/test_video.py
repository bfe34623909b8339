from pathlib import Path

import numpy as np
import pytest

from vla_bringup.demo.records import Event
from vla_bringup.demo.video import MAIN_PX, SIDE_PX, choose_frames, compose, render_video
from vla_sim.sampling import sample_scene
from vla_sim.scene import build_model, home_qpos
from vla_sim.state_log import StateLog, StateRecorder, load_state_log

SECOND = 1_000_000_000


def make_log(seconds: int, rate_hz: int = 30) -> StateLog:
    times = np.arange(seconds * rate_hz, dtype=np.int64) * (SECOND // rate_hz)
    return StateLog(times, np.zeros((times.size, 9)), np.zeros(times.size, np.int64), ())


def test_only_attempts_are_shown_and_each_with_what_held_then() -> None:
    events = [
        Event(1 * SECOND, "first", "EXECUTING", "running"),
        Event(3 * SECOND, "first", "HOLDING", "success"),
        Event(6 * SECOND, "second", "HOLDING", "running"),
        Event(7 * SECOND, "second", "EXECUTING", "running"),
        Event(8 * SECOND, "second", "HOLDING", "timeout"),
    ]
    log = make_log(10)
    frames = choose_frames(log, events, fps=15)
    times = log.time_ns[[frame.state for frame in frames]] / SECOND
    assert not ((times > 3.1) & (times < 5.9)).any()
    assert not (times > 8.1).any()
    assert 0.9 < len(frames) / (4 * 15) < 1.15
    late = [frame.event.gate for frame, t in zip(frames, times, strict=True) if 7.1 < t < 7.9]
    assert set(late) == {"EXECUTING"}


def test_no_events_no_frames() -> None:
    assert choose_frames(make_log(2), []) == []


def test_an_instruction_in_any_script_can_be_written() -> None:
    main = np.zeros((*MAIN_PX, 3), np.uint8)
    side = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    picture = compose(main, side, side, Event(0, "pick up the красный cube " * 8, "STOPPED", "gate stopped"))
    assert picture.shape == (MAIN_PX[0], MAIN_PX[1] + SIDE_PX, 3)
    assert picture[-56:, : MAIN_PX[1]].max() > 200


@pytest.mark.render
def test_a_log_becomes_a_playable_file(tmp_path: Path) -> None:
    recorder = StateRecorder()
    recorder.begin_episode(sample_scene(np.random.default_rng(3)))
    qpos = home_qpos(build_model())
    for k in range(10):
        recorder.record(k * SECOND // 30, qpos)
    recorder.save(tmp_path / "states.npz")
    assert load_state_log(tmp_path / "states.npz").time_ns.size == 10
    events = [Event(0, "wave", "HOLDING", "running"), Event(SECOND, "wave", "HOLDING", "success")]
    count = render_video(tmp_path / "states.npz", events, tmp_path / "demo.mp4")
    assert count == 5
    assert (tmp_path / "demo.mp4").read_bytes()[4:8] == b"ftyp"
