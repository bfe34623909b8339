from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vla_core.errors import BundleError, ContractError, ObservationError
from vla_policy.foreign.openvla import tiny
from vla_policy.foreign.openvla.statistics import Bounds, load_statistics, normalize_proprio


def written(folder: Path, datasets: Any) -> Path:
    (folder / "dataset_statistics.json").write_text(json.dumps(datasets))
    return folder


def test_the_only_dataset_needs_no_name(tmp_path: Path) -> None:
    one = {"only": tiny.statistics()["tabletop"]}
    assert load_statistics(written(tmp_path, one), None).key == "only"


def test_several_datasets_are_listed(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"2 datasets.*--unnorm-key: bridge_orig, tabletop"):
        load_statistics(written(tmp_path, tiny.statistics()), None)


def test_an_unknown_dataset_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"'bridge_org' \(did you mean 'bridge_orig'\?\); valid: bridge_orig, tab"):
        load_statistics(written(tmp_path, tiny.statistics()), "bridge_org")


def test_config_may_hold_them(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"norm_stats": tiny.statistics()}))
    assert load_statistics(tmp_path, "tabletop").action.mask == (True,) * 6 + (False,)


def test_each_normalization_has_its_bounds(tmp_path: Path) -> None:
    numbers = tiny.statistics()["tabletop"]["action"]
    folder = written(tmp_path, tiny.statistics())
    assert load_statistics(folder, "tabletop").action.high == tuple(numbers["q99"])
    assert load_statistics(folder, "tabletop", "min_max").action.low == tuple(numbers["min"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q01": [1.0] * 7, "q99": [0.0] * 7}, "q99 is below q01"),
        ({"q99": [0.1] * 6}, "one entry per dimension"),
        ({"q99": [0.1] * 6 + [float("nan")]}, "finite"),
        ({"mask": [1] * 7}, "one entry per dimension"),
        ({"q01": "text"}, "expected numbers"),
        ({"q01": []}, "list of finite numbers"),
    ],
)
def test_broken_statistics_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    datasets = tiny.statistics()
    datasets["tabletop"]["action"] |= change
    with pytest.raises(BundleError, match=message):
        load_statistics(written(tmp_path, datasets), "tabletop")


def test_no_statistics_at_all(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BundleError, match=r"neither dataset_statistics\.json nor norm_stats"):
        load_statistics(tmp_path, None)


def test_proprioception_is_scaled_and_clipped_but_never_repaired() -> None:
    bounds = Bounds((0.0, -1.0, 2.0), (1.0, 1.0, 2.0), (True, True, False))
    np.testing.assert_allclose(normalize_proprio(np.array([0.5, 9.0, 0.25]), bounds), [0.0, 1.0, 0.25], atol=1e-7)
    for bad in ([np.nan, 0, 0], [0, np.inf, 0], [0, 0]):
        with pytest.raises(ObservationError, match="3 finite numbers"):
            normalize_proprio(np.array(bad, dtype=np.float64), bounds)
