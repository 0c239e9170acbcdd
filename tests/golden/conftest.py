"""The golden runs, each done once, when a test first looks at it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.golden import runs
from tests.golden.tables import Row, rows_of


@pytest.fixture(scope="session")
def golden_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that all golden runs share."""
    return tmp_path_factory.mktemp("golden") / "store"


@pytest.fixture(scope="session")
def golden(golden_store: Path) -> Callable[[str], list[Row]]:
    """Return today's rows of a golden run by its name."""
    return cache(lambda name: rows_of(runs.run(name, golden_store)))
