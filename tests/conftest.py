"""Where tests find real data and reference results, which are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


def _folder(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable) or _SHARED / name).expanduser()
    if not folder.is_dir():
        pytest.skip(f"no {name} at {folder}; set {variable} to their folder")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, one sub-folder each (``SPAIC_DATA``)."""
    return _folder("SPAIC_DATA", "data")


@pytest.fixture(scope="session")
def oracles() -> Path:
    """The folder of results of other simulators (``SPAIC_ORACLES``)."""
    return _folder("SPAIC_ORACLES", "oracles")
