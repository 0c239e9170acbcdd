"""Oversampling: the release's formulas computed by hand, and what they favour."""

from __future__ import annotations

import numpy as np
import pytest

from bench.contract import SampleRecord
from downstream.cellvit.config import CellViTConfig
from downstream.cellvit.family import CellViTFamily
from downstream.cellvit.oversampling import cell_weights, tile_weights, tissue_weights


def record(nuclei: tuple[int, ...], tissue: str | None = None) -> SampleRecord:
    return SampleRecord("x", "g", 256, 256, None, None, tissue, nuclei)


def test_cell_weights_by_hand() -> None:
    """Three tiles contain class 1, one contains class 2, so k = 4; the last tile contains nothing."""
    present = np.array([[1, 0], [1, 0], [1, 1], [0, 0]], bool)
    common, rare = 4 / (0.85 * 3 + 0.15 * 4), 4 / (0.85 * 1 + 0.15 * 4)
    plain, both = 0.15 + 0.85 * common, 0.15 + 0.85 * (common + rare)
    np.testing.assert_allclose(cell_weights(present, 0.85), [plain, plain, both, plain])


def test_tissue_weights_by_hand() -> None:
    weights = tissue_weights(["colon"] * 3 + ["skin"], 0.85)
    np.testing.assert_allclose(weights, [4 / (0.85 * 3 + 0.6)] * 3 + [4 / (0.85 + 0.6)])


def test_the_sum_is_of_shares_of_the_largest() -> None:
    records = [record((3, 0), "colon"), record((9, 0), "colon"), record((1, 4), "skin")]
    cell = cell_weights(np.array([[1, 0], [1, 0], [1, 1]], bool), 0.5)
    tissue = tissue_weights(["colon", "colon", "skin"], 0.5)
    expected = cell / cell.max() + tissue / tissue.max()
    np.testing.assert_allclose(tile_weights(records, 0.5), expected, rtol=1e-6)
    assert expected[2] == 2


@pytest.mark.parametrize("records", [[record((1, 0)), record((0, 1))], [record((0, 0)), record((0, 0))]])
def test_what_is_balanced_already_is_drawn_equally(records: list[SampleRecord]) -> None:
    weights = tile_weights(records, 0.85)
    assert weights[0] == weights[1] > 0


def test_gamma_zero_draws_all_tiles_that_contain_nuclei_equally() -> None:
    records = [record((5, 0), "a"), record((0, 1), "b"), record((2, 1), "b")]
    assert len(set(tile_weights(records, 0.0).tolist())) == 1


def test_the_setting_chooses() -> None:
    records = [record((3, 0), "colon"), record((1, 0), "colon"), record((1, 4), "skin"), record((1, 0), "skin")]

    def weights(kind: str) -> np.ndarray | None:
        return CellViTFamily.oversampling(CellViTConfig(oversampling=kind), records)

    assert weights("none") is None
    cell, tissue, both = weights("cell"), weights("tissue"), weights("cell+tissue")
    assert cell is not None
    assert tissue is not None
    assert both is not None
    assert len(set(tissue.tolist())) == 1
    assert cell[2] > cell[0] == cell[3]
    np.testing.assert_allclose(both, cell + tissue)
