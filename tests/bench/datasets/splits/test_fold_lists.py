"""CellViT's folders of lists: every fold is read, and what is no such folder is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.datasets.source import open_source
from bench.datasets.splits.fold_lists import read_fold_lists
from bench.datasets.splits.id_division import read_division
from bench.errors import ConfigError
from bench.plan.checks import Missing
from bench.plan.protocol import check_protocol, choose_protocol

TEST = ["t-2", "t-1"]


def write(folder: Path, **lists: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in lists.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_every_fold_is_tested_on_the_test_split(tmp_path: Path) -> None:
    write(tmp_path / "splits" / "fold_10", train="a\n", val="b\n")
    write(tmp_path / "splits" / "fold_0", train="b\nc.png\n", val="\ufeffa\n\n")
    write(tmp_path / "splits" / "notes", train="x\n")
    division = read_fold_lists(tmp_path / "splits", lambda: TEST)
    assert division.folds == (
        {"train": ("b", "c"), "validation": ("a",), "test": ("t-1", "t-2")},
        {"train": ("a",), "validation": ("b",), "test": ("t-1", "t-2")},
    )
    assert (division.name, division.fold_names, division.held_out) == ("splits", ("1/2", "2/2"), False)
    division.write(tmp_path / "same.csv")
    assert read_division(tmp_path / "same.csv").sha256 == division.sha256


def test_one_fold_and_lists_of_test_samples(tmp_path: Path) -> None:
    fold = write(tmp_path / "fold_3", train="a\nb\n", test="c\n")
    division = read_fold_lists(fold, lambda: pytest.fail("the folder names them"))
    assert (division.name, division.folds) == ("fold_3", ({"train": ("a", "b"), "test": ("c",)},))


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({}, "no list of training samples"),
        ({"val": "a\n"}, "no list of training samples"),
        ({"train": "a,b\n"}, "several columns"),
        ({"train": "\n"}, "lacks a part"),
        ({"train": "a\n", "val": "a\n"}, "is twice"),
        ({"train": "t-1\n"}, "is twice"),
    ],
)
def test_what_is_no_such_folder_is_refused(tmp_path: Path, lists: dict[str, str], said: str) -> None:
    write(tmp_path / "splits" / "fold_0", **lists)
    with pytest.raises(ConfigError, match=said):
        read_fold_lists(tmp_path / "splits", lambda: TEST)


def test_a_run_takes_the_folder_as_its_protocol(tmp_path: Path) -> None:
    source = open_source("phantom", None)
    names = list(source.ids("train"))
    write(tmp_path / "splits" / "fold_0", train="\n".join(names[2:]), val="\n".join(names[:2]))
    chosen = choose_protocol(str(tmp_path / "splits"), source)
    assert chosen.division is not None
    assert chosen.division.folds[0]["test"] == tuple(sorted(source.ids("test")))
    assert list(check_protocol(chosen, source)) == []
    write(tmp_path / "splits" / "fold_0", train="image\n" + "\n".join(names[2:]))
    (found,) = check_protocol(choose_protocol(str(tmp_path / "splits"), source), source)
    assert isinstance(found, Missing)
    assert "1 of its" in found.got
    assert "'image'" in found.got
