"""The golden runs, done once for all tests that look at them."""

from __future__ import annotations

import pytest

from tests.golden import runs
from tests.golden.tables import Row, rows_of


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """Today's rows of every golden run."""
    store = tmp_path_factory.mktemp("golden") / "store"
    return {name: rows_of(runs.run(name, store)) for name in runs.RUNS}
