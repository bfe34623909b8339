import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.train

from vla_policy.training import language, pipeline  # noqa: E402
from vla_policy.training.pipeline import CORRECTION_SEEDS, Recipe, stages  # noqa: E402
from vla_sim.spec import TRAINING_SEEDS  # noqa: E402


def option(arguments, name):
    """What follows ``name`` on a command line, up to the next option."""
    rest = arguments[arguments.index(name) + 1 :]
    end = next((k for k, word in enumerate(rest) if word.startswith("--")), len(rest))
    return rest[:end]


@pytest.fixture
def calls(monkeypatch):
    """(stage, arguments) of everything that the pipeline would have done."""
    made = []
    for name in ("demonstrations", "train", "corrections", "calibration", "evaluate", "plot"):
        monkeypatch.setattr(getattr(pipeline, name), "main", lambda argv, name=name: made.append((name, argv)))

    class Bundle:
        path = "bundle"

    def export_bundle(run, words, out):
        made.append(("export", [str(run), str(words), str(out)]))
        return Bundle

    monkeypatch.setattr(pipeline.export, "export_bundle", export_bundle)
    monkeypatch.setattr(language, "export_language_encoder", lambda out: made.append(("language", [str(out)])))
    return made


def test_corrective_rounds_come_between_the_parts_of_the_training(calls, tmp_path):
    for _, work in stages(Recipe(correct_after=30, steps=50, second_steps=70), tmp_path, workers=1):
        work()
    cloning = ["train", "export", "corrections"]
    assert [name for name, _ in calls] == [
        "language", "demonstrations", *cloning, *cloning, "train", "export", "calibration",
        "evaluate", "plot",
    ]  # fmt: skip
    training = [argv for name, argv in calls if name == "train"]
    assert [(option(argv, "--steps"), option(argv, "--until")) for argv in training] == [
        (["50"], ["30"]),
        (["50"], ["50"]),
        (["70"], ["70"]),
    ]
    data, first, second = (str(tmp_path / name) for name in ("demonstrations", "corrections", "second_corrections"))
    assert [option(argv, "--data") for argv in training] == [[data], [data, first], [data, first, second]]
    assert len({*(str(option(argv, "--out")) for argv in training)}) == 1
    learners = [argv[2] for name, argv in calls if name == "export"]
    assert [option(argv, "--bundle") for name, argv in calls if name == "corrections"] == [[x] for x in learners[:2]]
    assert option(dict(calls)["evaluate"], "--bundle") == [learners[2]]
    assert len({*learners}) == 3


def test_corrections_are_made_in_training_scenes_of_their_own():
    recipe = Recipe()
    first, second = CORRECTION_SEEDS
    assert recipe.demonstrations <= first < first + recipe.corrections <= second
    assert second + recipe.second_corrections - 1 in TRAINING_SEEDS


def test_an_interrupted_run_goes_on_where_it_stopped(monkeypatch, tmp_path):
    done, power = [], [False]

    def second():
        if not power[0]:
            raise KeyboardInterrupt
        done.append("second")

    todo = [("first", lambda: done.append("first")), ("second", second), ("third", lambda: done.append("third"))]
    monkeypatch.setattr(pipeline, "stages", lambda recipe, out, workers: todo)
    with pytest.raises(KeyboardInterrupt):
        pipeline.main(["--out", str(tmp_path)])
    power[0] = True
    pipeline.main(["--out", str(tmp_path)])
    assert done == ["first", "second", "third"]


def test_what_was_made_by_another_recipe_is_not_taken_for_this_one(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(pipeline, "stages", lambda recipe, out, workers: [])
    pipeline.main(["--out", str(tmp_path), "--steps", "200"])
    with pytest.raises(SystemExit):
        pipeline.main(["--out", str(tmp_path)])
    assert "steps 200" in capsys.readouterr().err
    pipeline.main(["--out", str(tmp_path), "--steps", "200"])
