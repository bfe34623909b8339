from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from vla_sim.sampling import scene_from_seed
from vla_sim.scene import build_model, home_qpos
from vla_sim.state_log import StateLog, StateRecorder
from vla_sim.video import AFTERWARDS_S, VideoError, VideoEvent, plan_shots, render_demo_video, save_still


def event(t: float, outcome: str = "running", gate_state: str = "EXECUTING") -> VideoEvent:
    return {"t": t, "instruction": "grab the blue block", "gate_state": gate_state, "outcome": outcome}


def log_of(duration_s: float, rate_hz: float = 30.0) -> StateLog:
    """States whose only coordinate is their time."""
    times_s = np.arange(0.0, duration_s, 1.0 / rate_hz)
    return StateLog(
        time_ns=np.round(times_s * 1e9).astype(np.int64),
        qpos=times_s[:, None],
        episode=np.zeros(times_s.size, dtype=np.int64),
        scenes=(scene_from_seed(1),),
    )


def test_attempts_are_shown_and_the_time_between_them_is_not() -> None:
    log = log_of(30.0)
    events = [event(2.0), event(5.0, "success"), event(15.0), event(18.0, "failure")]
    shots = plan_shots(log, events, fps=10.0)
    times_s = np.array([log.qpos[shot.row, 0] for shot in shots])
    assert len(shots) == pytest.approx(2 * (3.0 + AFTERWARDS_S) * 10.0, abs=2)
    assert times_s.min() == pytest.approx(2.0, abs=0.05)
    assert times_s.max() == pytest.approx(18.0 + AFTERWARDS_S, abs=0.15)
    assert not ((times_s > 5.0 + AFTERWARDS_S) & (times_s < 14.9)).any()
    assert {shot.caption.episode for shot in shots} == {0, 1}


def test_words_change_when_the_event_comes() -> None:
    shots = plan_shots(log_of(10.0), [event(1.0), event(2.0, gate_state="HOLDING"), event(3.0, "success")], fps=10.0)
    states = [(shot.caption.gate_state, shot.caption.outcome) for shot in shots]
    assert states[0] == ("EXECUTING", "running")
    assert states[15] == ("HOLDING", "running")
    assert states[-1] == ("EXECUTING", "success")
    assert list(shots[0].caption.outcomes) == ["success"]


def test_a_long_run_is_played_faster_and_every_attempt_is_in_it() -> None:
    events = [item for k in range(10) for item in (event(20.0 * k), event(20.0 * k + 10.0, "success"))]
    shots = plan_shots(log_of(200.0), events, fps=15.0, max_frames=100)
    assert len(shots) == pytest.approx(100, abs=12)
    assert shots[0].caption.speed > 10.0
    assert {shot.caption.episode for shot in shots} == set(range(10))


def test_an_outcome_said_twice_is_one_attempt() -> None:
    shots = plan_shots(log_of(10.0), [event(1.0), event(2.0, "success"), event(2.5, "success"), event(4.0)])
    assert {shot.caption.episode for shot in shots} == {0, 1}


@pytest.fixture
def states(tmp_path: Path) -> Path:
    recorder, qpos = StateRecorder(), home_qpos(build_model())
    recorder.begin_episode(scene_from_seed(1_000_003))
    for k in range(60):
        qpos[0] = 0.01 * k
        recorder.record(round(k * 1e9 / 30), qpos)
    recorder.save(tmp_path / "states.npz")
    return tmp_path / "states.npz"


@pytest.mark.render
def test_the_video_has_its_frames_and_plays_everywhere(states: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = tmp_path / "out" / "demo.mp4"
    count = render_demo_video(
        states,
        [event(0.0), event(1.0, "success")],
        path,
        lambda *done: seen.append(done),
        size_px=(320, 240),
        max_frames=4,
    )
    assert seen == [(k, count) for k in range(1, count + 1)]
    about = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)], capture_output=True, text=True, check=False
    ).stderr
    assert "h264" in about
    assert "yuv420p" in about
    assert "320x240" in about
    frames = list(imageio_ffmpeg.read_frames(str(path)))[1:]
    assert len(frames) == count
    assert np.frombuffer(frames[0], np.uint8).std() > 20.0


@pytest.mark.render
def test_events_outside_the_log_are_an_error_that_names_it(states: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"states\.npz"):
        render_demo_video(states, [event(100.0), event(101.0, "success")], tmp_path / "demo.mp4")


@pytest.mark.render
def test_a_still_shows_the_scene(tmp_path: Path) -> None:
    save_still(scene_from_seed(1_000_003), home_qpos(build_model()), tmp_path / "still.png")
    image = cv2.imread(str(tmp_path / "still.png"))
    assert image is not None
    assert image.shape == (720, 960, 3)
    assert image.std() > 20.0
