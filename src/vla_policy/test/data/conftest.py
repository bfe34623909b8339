"""A small dataset on the disk, for tests that change it and for tests that only read."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    from .making import write

    return write(tmp_path / "dataset")


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for tests that only read."""
    from .making import write

    return write(tmp_path_factory.mktemp("kept") / "dataset")
