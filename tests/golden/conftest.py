"""The golden runs, each done once, when a test first looks at it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.golden import runs
from tests.golden.tables import Row, rows_of


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Row]]:
    """Return today's rows of a golden run by its name; the runs share a store."""
    store = tmp_path_factory.mktemp("golden") / "store"
    return cache(lambda name: rows_of(runs.run(name, store)))
