"""``train`` on a dataset on the disk."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("av")
pytestmark = pytest.mark.train

from vla_policy.cloning.command import changes_of  # noqa: E402
from vla_policy.cloning.errors import TrainError  # noqa: E402
from vla_policy.cloning.options import TrainOptions  # noqa: E402
from vla_policy.cloning.running import Request, run  # noqa: E402
from vla_policy.data.layout import Feature, Info  # noqa: E402
from vla_policy.data.writer import merge, write_part  # noqa: E402

from .making import CHANGES, NAMES, make_episode  # noqa: E402

FEATURES = {
    "observation.images.front": Feature("video", (32, 32, 3), ("height", "width", "channels")),
    "observation.state": Feature("float32", (3,), NAMES),
    "action": Feature("float32", (3,), NAMES),
}
ROBOT = """
cameras: [{name: front, aspect: 1.0, max_age_s: 0.3}]
max_skew_s: 0.05
state: [{name: a, unit: rad}, {name: b, unit: rad}, {name: grip, unit: m}]
action:
  space: joint_position
  kind: chunk_relative
  dimensions: [{name: a, unit: rad}, {name: b, unit: rad}]
  gripper: {name: grip, unit: m, kind: absolute, open: 1.0, closed: 0.0}
  period_s: 0.1
gripper_values: {open: 1.0, closed: 0.0}
"""


@pytest.fixture
def request_of(tmp_path):
    (tmp_path / "robot.yaml").write_text(ROBOT)
    write_part(tmp_path / "part", 10.0, FEATURES, [make_episode(seed) for seed in range(2)])
    merge([tmp_path / "part"], tmp_path / "data", Info(10.0, FEATURES, "made_up"))

    def make(preset="cross_attention", changes=None, **given):
        options = TrainOptions(**{"steps": 4, "warmup": 1, "batch": 4, "log_every": 1, **given.pop("options", {})})
        wanted = {"cameras": CHANGES["cameras"], "horizon": 4} if changes is None else changes
        given = {"embodiment": tmp_path / "robot.yaml", **given}
        return Request(preset, "tiny", wanted, tmp_path / "data", tmp_path / "run", options, **given)

    return make


def test_a_run_folder_holds_all_that_made_it(request_of, tmp_path):
    assert run(request_of(stop_after=2), lambda *news: None).left is None
    report = run(request_of(), lambda *news: None)
    assert report.step == 4 and report.left.reason is None
    folder = tmp_path / "run"
    assert (folder / "bundle" / "policy.yaml").exists() and (folder / "curves.png").exists()
    assert json.loads((folder / "version.json").read_text())["torch"] == torch.__version__
    assert "horizon: 4" in (folder / "config.yaml").read_text()
    assert not list((folder / "frames").iterdir())
    with pytest.raises(TrainError, match=r"options\.rate: .* was begun with 0\.0003"):
        run(request_of(options={"rate": 1e-3}), lambda *news: None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"changes": {}}, r"cameras: cross_attention looks at wrist; the dataset has front"),
        ({"embodiment": None}, r"robots\[0\]: cross_attention has 8 columns of action, the dataset the shape \(3,\)"),
        ({"embodiment": None, "changes": CHANGES}, r"robots\[0\]\.kind: chunk_relative.*--embodiment"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(given, words, request_of):
    with pytest.raises(TrainError, match=words):
        run(request_of(**given), lambda *news: None)


def test_changes_are_yaml_with_dots():
    assert changes_of(["horizon=4", "head.layers=2", "cameras={front: 64}"]) == {
        "horizon": 4,
        "head": {"layers": 2},
        "cameras": {"front": 64},
    }
    with pytest.raises(TrainError, match="NAME=VALUE"):
        changes_of(["horizon"])
