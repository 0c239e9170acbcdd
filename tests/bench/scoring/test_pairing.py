"""Folders paired by stem: suffixes may differ, nothing is paired by guessing."""

from __future__ import annotations

import pytest

from bench.errors import DataError
from bench.scoring.pairing import pair_labels


def fill(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_suffixes_may_differ_and_other_files_are_passed_over(tmp_path) -> None:
    true = fill(tmp_path / "t", "b.mat", "a.MAT", ".hidden.npy", "notes.txt")
    pred = fill(tmp_path / "p", "a.npy", "b.tif", "b.csv")
    found = [(p.stem, p.true.name, p.pred.name) for p in pair_labels(true, pred)]
    assert found == [("a", "a.MAT", "a.npy"), ("b", "b.mat", "b.tif")]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a.npy",), r"1 only in .*t: b"),
        (("a.npy", "b.npy", "c.npy", "d.npy"), r"2 only in .*p: c, d"),
        (("a.npy", "b_pred.npy"), r"(?s)1 only in .*t: b\n.*1 only in .*p: b_pred"),
        (("a.npy", "a.png", "b.npy"), r"the same stem; got: a\.npy and a\.png"),
        ((), "an empty folder"),
        (("a.json",), r"a\.json"),
        (("a.npy", "b.geojson", "b.tif"), r"the same stem; got: b\.geojson and b\.tif"),
    ],
)
def test_what_does_not_pair_is_named(tmp_path, names, said) -> None:
    true, pred = fill(tmp_path / "t", "a.mat", "b.mat"), fill(tmp_path / "p", *names)
    with pytest.raises(DataError, match=said) as caught:
        pair_labels(true, pred)
    assert caught.value.fix


def test_folders_must_be_there(tmp_path) -> None:
    true = fill(tmp_path / "t", "a.mat")
    for pred, said in ((tmp_path / "none", "no such folder"), (true / "a.mat", "a file")):
        with pytest.raises(DataError, match=said):
            pair_labels(true, pred)
