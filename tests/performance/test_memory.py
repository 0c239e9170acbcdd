"""Memory of loading does not grow with the number of patches, and stays below 1.5 GB."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.performance import sets
from tests.performance.loading import Cost, measure, measure_all, measure_records

LIMIT = 1536
FEW, MANY = 500, 2000


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_peak_memory_is_bounded_and_does_not_grow_with_the_number_of_patches(tmp_path: Path) -> None:
    few, many = (list(measure_all(tmp_path, n)) for n in (FEW, MANY))
    for small, large in zip(few, many, strict=True):
        assert (small.n, large.n) == (FEW, MANY), large
        assert large.peak < LIMIT, large
        # 1,500 patches more are 295 MB of pixels, 690 MB with instance maps
        assert large.peak - small.peak < 60, (small, large)


@pytest.mark.slow
def test_records_of_a_prepared_split_are_small_and_quick(tmp_path: Path) -> None:
    cost: Cost = measure_records(tmp_path, 100_000)
    assert cost.n == 100_000
    assert cost.peak < 250  # 140 measured; with dictionaries, read again for every subset, 494
    assert cost.seconds < 10  # 1.3 measured


@pytest.mark.slow
@pytest.mark.parametrize("case", ["images", "scoring", "bare"])
def test_the_cases_read_all_that_was_written(tmp_path: Path, case: str) -> None:
    if case == "images":
        sets.write_folder(tmp_path / "set", 20, ".png")
    else:
        sets.write_sealed(tmp_path / "set", 20)
    cost = measure(case, case, tmp_path / "set", tmp_path / "out")
    assert cost.n == 20
    assert cost.peak > 10
