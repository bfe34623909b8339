import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

from vla_policy.training import train  # noqa: E402
from vla_policy.training.dataset import Demonstrations, Sentences, Statistics  # noqa: E402
from vla_policy.training.model import ModelConfig, TabletopPolicy  # noqa: E402
from vla_policy.training.train import Loader, Means, Trainable, TrainConfig, follow, rate, save  # noqa: E402

SMALL = ModelConfig(width=48, heads=3, layers=1, keypoints=8, dropout=0.0)


@pytest.fixture
def data(make_shards):
    return Demonstrations([make_shards(lengths=(6, 4))])


@pytest.fixture
def sentences(encoder):
    return Sentences(encoder, per_meaning=3, seed=0)


def loader(data, sentences, rank=0):
    return Loader(data, sentences, TrainConfig(batch=4, seed=3), rank, world=2)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_batch_depends_on_the_step_alone(data, sentences):
    first = loader(data, sentences)
    first(0)
    assert same(first(7), loader(data, sentences)(7))
    assert not same(first(7), first(8))


def test_processes_see_different_batches(data, sentences):
    assert not same(loader(data, sentences, rank=0)(0), loader(data, sentences, rank=1)(0))


def test_a_batch_has_every_label_of_a_frame_in_its_order(data, sentences):
    config = TrainConfig(batch=4, seed=3)
    batch = Loader(data, sentences, config, 0, 1)(2)
    assert batch["front"].shape == (4, 96, 96, 3) and batch["front"].dtype == torch.uint8
    assert batch["action"].shape == (4 * config.labels, 8, 8)
    chosen = np.random.default_rng((3, 0, 2)).integers(len(data), size=4)
    frames = data.gather(chosen)
    for frame in range(4):
        for label in range(config.labels):
            row = frame * config.labels + label
            np.testing.assert_array_equal(batch["target"][row], frames["target"][frame, label])
            meant = 1 + 4 * int(frames["task_id"][frame, label]) + int(frames["color_id"][frame, label])
            assert (batch["text"][row][batch["mask"][row]] == meant).all()


def test_the_rate_rises_stays_and_falls_to_nothing():
    config = TrainConfig(steps=1000, warmup=100, anneal_from=0.6, learning_rate=2.0)
    rates = [rate(config, step) for step in range(1001)]
    assert rates[0] == pytest.approx(0.02) and rates[99] == rates[600] == 2.0
    assert rates[800] == pytest.approx(1.0) and rates[1000] == 0.0
    assert all(later >= sooner for sooner, later in itertools.pairwise(rates[:100]))
    assert all(later <= sooner for sooner, later in itertools.pairwise(rates[100:]))


def test_one_batch_is_learned_by_heart(data, sentences):
    torch.manual_seed(0)
    module = Trainable(TabletopPolicy(SMALL), Statistics.of(data))
    optimizer = torch.optim.AdamW(module.policy.parameters(), lr=5e-3)
    batch = Loader(data, sentences, TrainConfig(batch=2, labels=1), 0, 1)(0)
    history = []
    for _ in range(40):
        parts = module(batch, augment=False)
        optimizer.zero_grad(set_to_none=True)
        parts["loss"].backward()
        optimizer.step()
        history.append({key: float(value.detach()) for key, value in parts.items()})
    assert history[-1]["l1"] < 0.4 * history[0]["l1"]
    assert history[-1]["loss"] < 0.4 * history[0]["loss"]


def test_the_loss_prefers_the_wanted_action(data, sentences):
    module = Trainable(TabletopPolicy(SMALL), Statistics.of(data))
    batch = loader(data, sentences)(0)
    wanted = 2 * (batch["action"] - module.action_q01) / (module.action_q99 - module.action_q01) - 1
    place = (wanted.clamp(train.LOW, train.HIGH) - train.LOW) / (train.HIGH - train.LOW) * (SMALL.bins - 1)
    bins = torch.arange(SMALL.bins)

    def loss(shift):
        logits = -0.5 * ((bins - (place[..., None] + shift)) / 1.5) ** 2
        rows = len(batch["done"])
        out = {"logits": logits, "done": torch.zeros(rows, 1), "target": batch["target"]}
        return module._loss(out, batch)

    right = loss(0.0)
    assert right["l1"] < 0.01 and right["target_m"] == 0.0
    assert right["token"] < loss(3.0)["token"] < loss(10.0)["token"]


def test_augmentation_keeps_images_in_range(data, sentences):
    module = Trainable(TabletopPolicy(SMALL), Statistics.of(data))
    image = loader(data, sentences)(0)["front"]
    plain, changed = module._image(image, augment=False), module._image(image, augment=True)
    assert changed.min() >= 0 and changed.max() <= 1
    assert 0 < (changed - plain).abs().mean() < 0.2


def test_means_are_over_the_steps_there_were():
    means = Means()
    for value in (1.0, 2.0, 6.0):
        means.add({"loss": torch.tensor(value)})
    assert means.take() == {"loss": 3.0}
    means.add({"loss": torch.tensor(5.0)})
    assert means.take() == {"loss": 5.0}


def test_the_average_follows_the_weights():
    average, policy = TabletopPolicy(SMALL), TabletopPolicy(SMALL)
    before, newest = average.done.weight.clone(), policy.done.weight
    policy.trunks[0].layers[1].running_mean += 3
    follow(average, policy, decay=0.75)
    torch.testing.assert_close(average.done.weight, 0.75 * before + 0.25 * newest)
    assert (average.trunks[0].layers[1].running_mean == 3).all()


def test_a_crash_while_saving_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    policy = torch.nn.Linear(1, 1)
    optimizer = torch.optim.AdamW(policy.parameters())
    save(tmp_path / "checkpoint.pt", 5, policy, policy, optimizer)

    def half(state, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        save(tmp_path / "checkpoint.pt", 6, policy, policy, optimizer)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 5
