"""Held against the released tokenizer's code, on one that it trained; docs/foreign.md says how."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_core.errors import ActionError, BundleError
from vla_policy.foreign.fast import FastTokenizer, load_fast_tokenizer

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference.json").read_text())
HORIZON, COLUMNS = 16, 7
TOKENIZER = load_fast_tokenizer(HERE, horizon=HORIZON, columns=COLUMNS)


def chunks(seed: int, count: int) -> Any:
    """Smooth motions, (count, horizon, columns) in [-1, 1]."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, HORIZON)[None, :, None]
    size, speed, phase = (rng.uniform(a, b, (count, 1, COLUMNS)) for a, b in ((0.1, 0.9), (0.2, 1.5), (0, 6.28)))
    return size * np.sin(6.28 * speed * t + phase)


def test_ids_and_numbers_are_those_of_the_reference() -> None:
    for chunk, ids, decoded in zip(chunks(1, 6), REFERENCE["ids"], REFERENCE["decoded"], strict=True):
        assert TOKENIZER.encode(chunk) == ids
        np.testing.assert_allclose(TOKENIZER.decode(ids), decoded, rtol=0, atol=1e-10)


def test_a_chunk_comes_back_up_to_the_rounding() -> None:
    for chunk in chunks(2, 50):
        difference = TOKENIZER.decode(TOKENIZER.encode(chunk)) - chunk
        assert np.linalg.norm(difference) <= 0.5 / 10 * np.sqrt(chunk.size)  # the transform keeps lengths


def test_tokens_that_are_no_chunk_are_an_error_and_never_zeros() -> None:
    ids = TOKENIZER.encode(chunks(3, 1)[0])
    for broken, message in (
        (ids[:-1], "a chunk of 16 x 7 has 112"),
        ([*ids, ids[0]], "a chunk of 16 x 7 has 112"),
        ([], "0 tokens make 0 coefficients"),
        ([*ids[:-1], 512], "token id 512 is not an action; action ids are 0 to 511"),
        ([-1], "token id -1"),
    ):
        with pytest.raises(ActionError, match=message):
            TOKENIZER.decode(broken)


@given(st.lists(st.integers(-5, 600), max_size=60))
def test_any_tokens_make_a_chunk_or_an_error(ids: list[int]) -> None:
    try:
        chunk = TOKENIZER.decode(ids)
    except ActionError:
        return
    assert chunk.shape == (HORIZON, COLUMNS) and np.isfinite(chunk).all()


def test_half_a_character_is_an_error() -> None:
    """A coefficient of two bytes of which the model gave one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: index for index, letter in enumerate(letters)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = FastTokenizer(inner, scale=10, lowest=-400, horizon=1, columns=1)
    ids = tokenizer.encode([[0.0]])
    assert len(ids) == 2 and tokenizer.decode(ids)[0, 0] == 0.0
    with pytest.raises(ActionError, match="end within a character"):
        tokenizer.decode(ids[:1])


def test_what_cannot_be_expressed_is_refused() -> None:
    with pytest.raises(ActionError, match=r"below the lowest, -2\.9"):
        TOKENIZER.encode(np.full((HORIZON, COLUMNS), -5.0))
    for large in (50.0, 5e3, 1e9):
        with pytest.raises(ActionError, match="cannot express this chunk"):
            TOKENIZER.encode(np.full((HORIZON, COLUMNS), large))
    for bad in (np.nan, np.inf):
        with pytest.raises(ActionError, match="finite"):
            TOKENIZER.encode(np.full((HORIZON, COLUMNS), bad))
    with pytest.raises(ActionError, match=r"\(16, 7\)"):
        TOKENIZER.encode(np.zeros((HORIZON, 6)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": None}, "scale None"),
        ({"min_token": "low"}, "min_token 'low'"),
        ({"time_horizon": 10}, "time_horizon is 10, the policy has 16"),
        ({"action_dim": 8}, "action_dim is 8, the policy has 7"),
    ],
)
def test_a_tokenizer_for_something_else_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    shutil.copy(HERE / "tokenizer.json", tmp_path)
    config = json.loads((HERE / "processor_config.json").read_text())
    (tmp_path / "processor_config.json").write_text(json.dumps(config | change))
    with pytest.raises(BundleError, match=message):
        load_fast_tokenizer(tmp_path, horizon=HORIZON, columns=COLUMNS)


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    shutil.copy(HERE / "processor_config.json", tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BundleError, match=r"tokenizer\.json: cannot be read as a tokenizer"):
        load_fast_tokenizer(tmp_path, horizon=HORIZON, columns=COLUMNS)
