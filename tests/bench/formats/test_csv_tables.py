"""CSV tables: what is read, and what is wrong with those that are not."""

from __future__ import annotations

import pytest

from bench.errors import DataError
from bench.formats.csv_tables import read_groups, read_table


def write(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return tmp_path / "t.csv"


def test_cells_are_stripped_and_marks_and_empty_lines_passed_over(tmp_path) -> None:
    found = read_table(write(tmp_path, '\ufeffid , label\r\na,"x, y"\r\n\r\n b ,z\r\n'), "id", ["label"])
    assert found.columns == ("id", "label")
    assert {name: row["label"] for name, row in found.rows.items()} == {"a": "x, y", "b": "z"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "an empty file"),
        ("id,label\n", "only a header"),
        ("id;label\na;x\n", "no column id, label"),
        ("id,label,label\na,x,y\n", "a column that occurs twice"),
        ("id,label\na\n", "1 cells in row 1"),
        ("id,label\na,x\na,y\n", "'a' again in row 2"),
        ("id,label\n,x\n", "no id in row 1"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_unfit_tables_are_named_with_a_fix(tmp_path, content, said) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_table(write(tmp_path, content), "id", ["label"])
    assert "t.csv" in str(caught.value)
    assert caught.value.fix


def test_groups_come_in_the_order_of_ids_and_default_to_them(tmp_path) -> None:
    path = write(tmp_path, "stem,group\nb,s2\na,s1\nelsewhere,s3\n")
    assert read_groups(path, ["a", "b"]) == ["s1", "s2"]
    assert read_groups(None, ["a", "b"]) == ["a", "b"]
    with pytest.raises(DataError, match="no group for c"):
        read_groups(path, ["a", "c"])
