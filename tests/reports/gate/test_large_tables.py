"""A Parquet table that claims more rows than any suite has is refused before it is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from bench.errors import DataError
from reports.gate.rows import MOST_ROWS, read


def test_a_small_file_of_very_many_rows_is_refused(tmp_path: Path) -> None:
    same = pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(MOST_ROWS + 1, np.int8)), pyarrow.array(["x"]))
    parquet.write_table(pyarrow.table({"metric": same}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    with pytest.raises(DataError, match=r"a\.parquet is too large.*20,000,001 rows"):
        read(tmp_path / "a.parquet", finite=True)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 40 + b"\xff\xff\xff\x7fPAR1"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "a.parquet", finite=True)
