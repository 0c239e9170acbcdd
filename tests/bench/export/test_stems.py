"""Names of files from ids of samples: safe everywhere, and never two alike."""

from __future__ import annotations

import unicodedata

import pytest

from bench.errors import DataError
from bench.export.stems import Stems, file_stem


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("train_1", "train_1"),
        ("TUM/TUM-AAAA", "TUM_TUM-AAAA"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/absolute", "_absolute"),
        ("C:\\a", "C__a"),
        (".hidden", "hidden"),
        ("tab\tnull\0", "tab_null_"),
        ("größer ≥ 5 µm", "größer ≥ 5 µm"),
        ("..", "_"),
        ("", "_"),
    ],
)
def test_no_id_leads_out_of_the_folder(name, stem) -> None:
    assert file_stem(name) == stem


def test_long_names_are_cut_and_stay_apart() -> None:
    first, second = (file_stem("ü" * 300 + end) for end in "ab")
    assert first != second
    assert len(first.encode()) <= 120


@pytest.mark.parametrize(
    ("first", "second"), [("a", "A"), ("a/b", "a_b"), ("é", unicodedata.normalize("NFD", "é")), ("x", "x")]
)
def test_names_that_are_one_on_some_system_are_refused(first, second) -> None:
    stems = Stems()
    stems.give(first)
    with pytest.raises(DataError, match="two samples give the same file name"):
        stems.give(second)
