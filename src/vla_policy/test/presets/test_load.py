from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from vla_policy.cli import app
from vla_policy.presets import PresetError, load_preset, merged, preset_names

PAGE = Path(__file__).resolve().parents[4] / "docs" / "policies.md"


@pytest.mark.parametrize("name", preset_names())
def test_every_variant_reads(name: str) -> None:
    for variant in load_preset(name).variants:
        assert load_preset(name, variant).model.horizon >= 1


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_in_the_table_of_the_page(name: str) -> None:
    preset = load_preset(name)
    assert f"| `{name}` | {preset.title} | {preset.parameters['trained'] / 1e6:,.1f} M |" in PAGE.read_text()


def test_the_command_lists_them() -> None:
    result = CliRunner().invoke(app, ["presets"], env={"COLUMNS": "250"})
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in preset_names())


def test_a_block_of_another_type_replaces_the_block() -> None:
    base = {"head": {"type": "continuous", "error": "l1"}, "cameras": {"front": 1}}
    assert merged(base, {"head": {"error": "mse"}})["head"] == {"type": "continuous", "error": "mse"}
    assert merged(base, {"head": {"type": "flow"}})["head"] == {"type": "flow"}
    assert merged(base, {"cameras": {"wrist": 2}})["cameras"] == {"wrist": 2}


def test_a_file_of_ones_own_is_read_and_a_missing_one_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nmodel: {horizon: 0}\n")
    with pytest.raises(PresetError, match=r"mine.yaml: model.robots"):
        load_preset(path)
    with pytest.raises(PresetError, match="no such file"):
        load_preset(tmp_path / "other.yaml")
