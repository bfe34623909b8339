import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

from tokenizers import Tokenizer  # noqa: E402
from tokenizers.models import WordLevel  # noqa: E402
from tokenizers.pre_tokenizers import Whitespace  # noqa: E402

from vla_core.testing import make_observation_example  # noqa: E402
from vla_policy.onnx_policy import OnnxPolicy  # noqa: E402
from vla_policy.training import export  # noqa: E402
from vla_policy.training.dataset import Demonstrations, Statistics  # noqa: E402
from vla_policy.training.model import ExportedPolicy, ModelConfig, TabletopPolicy  # noqa: E402
from vla_policy.training.train import HIGH, LOW  # noqa: E402


class Embedding(torch.nn.Module):
    """Stands in for the sentence encoder."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(4, 384)

    def forward(self, input_ids, attention_mask):
        return self.table(input_ids) * attention_mask[..., None]


@pytest.fixture
def language(tmp_path):
    folder = tmp_path / "language"
    folder.mkdir()
    ids = torch.ones((1, 3), dtype=torch.int64)
    torch.onnx.export(
        Embedding(),
        (ids, ids),
        str(folder / "model.onnx"),
        input_names=["input_ids", "attention_mask"],
        output_names=["embeddings"],
        dynamic_axes={name: {1: "tokens"} for name in ("input_ids", "attention_mask", "embeddings")},
        opset_version=17,
        dynamo=False,
    )
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "pick": 1, "up": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def run(tmp_path, make_shards):
    """A training run that has just begun."""
    folder = tmp_path / "run"
    folder.mkdir()
    torch.manual_seed(0)
    policy, average = TabletopPolicy(ModelConfig()), TabletopPolicy(ModelConfig())
    torch.save({"policy": policy.state_dict(), "ema": average.state_dict()}, folder / "checkpoint.pt")
    Statistics.of(Demonstrations([make_shards()])).save(folder / "stats.json")
    return folder


@torch.no_grad()
def by_hand(run, observation, text):
    """Actions and done of the averaged weights, in the contract's units, as training understands them."""
    stats = Statistics.load(run / "stats.json")
    state = (observation.state - stats.state_mean) / stats.state_std
    images = [torch.from_numpy(np.array(observation.images[name]))[None] for name in ModelConfig.cameras]
    words, mask = torch.from_numpy(np.array(text))[None], torch.ones(1, len(text), dtype=torch.bool)
    network = ExportedPolicy(export.load_policy(run))
    logits, done = network(*images, torch.from_numpy(state.astype(np.float32))[None], words, mask)
    normalized = (logits[0].double().softmax(-1) @ torch.linspace(LOW, HIGH, 256, dtype=torch.float64)).numpy()
    q01, q99 = np.array(stats.action_q01), np.array(stats.action_q99)
    return q01 + (normalized + 1) / 2 * (q99 - q01), done.item()


def test_the_bundle_computes_what_was_trained(run, language, tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "old").write_text("of another export")
    bundle = export.export_bundle(run, language, tmp_path / "bundle", version="1.2.3")
    assert bundle.contract.policy_id == "tabletop@1.2.3"
    assert not (bundle.path / "old").exists()
    policy = OnnxPolicy(bundle)
    for sentence in ("pick up", "up pick pick pick up"):  # other lengths than the example of the export
        observation = make_observation_example(bundle.contract)
        observation = dataclasses.replace(observation, instruction=sentence)
        chunk = policy.infer(observation)
        actions, done = by_hand(run, observation, policy._encoder.encode(sentence))
        np.testing.assert_allclose(chunk.actions, actions, atol=1e-5)
        assert chunk.done == pytest.approx(done, abs=1e-4)


def test_a_network_that_changed_on_the_way_is_not_shipped(run, language, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "export_network", lambda policy, path: 0.5)
    with pytest.raises(RuntimeError, match=r"differs from the checkpoint by 0\.5"):
        export.export_bundle(run, language, tmp_path / "bundle")
    assert not (tmp_path / "bundle" / "policy.yaml").exists()
