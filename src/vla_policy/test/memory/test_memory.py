"""Predicted memory against the CPU allocator, in a process of its own."""

import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

from vla_policy.memory.prediction import predict_memory  # noqa: E402
from vla_policy.presets import load_preset, preset_names  # noqa: E402

BATCH = 8


# Shares of the peak in training and in one inference. What a kernel allocates within itself is no tensor and not
# counted. It is more than a tenth in the backward pass of rt1's EfficientNet, about an eighth; and in one inference of
# the tiny state_fusion, a sixth, whose weights are small beside the buffer of a convolution.
TRAINING, INFERENCE = {"rt1": 0.15}, {"state_fusion": 0.18}


@pytest.fixture(scope="module")
def measured():
    command = [sys.executable, "-m", "vla_policy.memory.measurement", "tiny", str(BATCH), *preset_names()]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])  # the profiler writes lines of its own


@pytest.mark.parametrize("name", preset_names())
def test_within_a_tenth_of_what_is_allocated(name, measured):
    found, predicted = measured[name], predict_memory(load_preset(name, "tiny"), BATCH)
    assert predicted.weights == found["weights"]
    assert predicted.optimizer == pytest.approx(found["optimizer"], rel=0.01)
    assert predicted.inference_peak == pytest.approx(found["inference_peak"], rel=INFERENCE.get(name, 0.1))
    assert predicted.training_peak == pytest.approx(found["training_peak"], rel=TRAINING.get(name, 0.1))


def test_more_samples_need_more_activations_and_the_same_weights():
    few, many = (predict_memory(load_preset("cross_attention", "tiny"), batch) for batch in (2, 8))
    assert many.weights == few.weights and many.gradients == few.gradients
    assert 3.0 < many.activations / few.activations < 4.1


def test_a_full_size_is_predicted_without_being_allocated():
    found = predict_memory(load_preset("octo_base"), 1)
    assert found.weights > 300e6 and found.training_peak > 2 * found.weights
