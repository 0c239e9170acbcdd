"""Divisions as ids: which sample plays which role, the hash, and the file that is exchanged."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from bench.contract import SampleRecord
from bench.datasets.splits.division import Division
from bench.datasets.splits.id_division import IdDivision, divide_ids, read_division
from bench.datasets.splits.protocol import Protocol
from bench.errors import ConfigError

IDS = {"train": [f"tile-{n}" for n in range(12)], "test": ["unseen-2", "unseen-1"]}
# two tiles a slide; slide s has s rare nuclei a tile
TRAIN = [
    SampleRecord(name, f"slide-{n // 2}", 8, 8, None, None, None, (n // 2, 5)) for n, name in enumerate(IDS["train"])
]


def divided(protocol: Protocol, name: str = "mine") -> IdDivision:
    return divide_ids(name, protocol, "toy", IDS, TRAIN, rare=[1])


def test_folds_hold_out_whole_slides_once_and_test_on_the_fixed_split() -> None:
    division = divided(Protocol(folds=3))
    assert division.fold_names == ("1/3", "2/3", "3/3")
    assert not division.held_out
    held_out = []
    for fold in division.folds:
        assert fold["test"] == ("unseen-1", "unseen-2")
        assert sorted(fold["train"] + fold["validation"]) == sorted(IDS["train"])
        slides = {role: {int(name.partition("-")[2]) // 2 for name in fold[role]} for role in ("train", "validation")}
        assert not slides["train"] & slides["validation"]
        held_out += fold["validation"]
    assert sorted(held_out) == sorted(IDS["train"])


def test_held_out_folds_are_tested_on_what_they_hold_out() -> None:
    division, fixed = divided(Protocol(folds=3, test="held-out")), divided(Protocol(folds=3))
    assert division.held_out
    for fold, other in zip(division.folds, fixed.folds, strict=True):
        assert set(fold) == {"train", "test"}
        assert fold == {"train": other["train"], "test": other["validation"]}


def test_parts_train_validate_and_test_in_rotation() -> None:
    ids = {"train": ["a-1", "b-1", "c-2"], "test": ["c-1", "b-2"]}
    division = divide_ids("official", Protocol(rotate=("a-*", "b-*", "c-*")), "toy", ids)
    a, b, c = ("a-1",), ("b-1", "b-2"), ("c-1", "c-2")
    assert division.folds == (
        {"train": a, "validation": b, "test": c},
        {"train": b, "validation": c, "test": a},
        {"train": c, "validation": a, "test": b},
    )
    assert division.held_out
    with pytest.raises(ConfigError, match="part of the division"):
        divide_ids("official", Protocol(rotate=("a-*", "b-*", "d-*")), "toy", ids)


def test_each_part_is_tested_by_training_on_the_others() -> None:
    ids = {"train": ["a-1", "b-1"], "validation": ["c-1"], "test": ["a-2"]}
    division = divide_ids("sources", Protocol(leave_out=("a-*", "b-*", "c-*")), "toy", ids)
    a, b, c = ("a-1", "a-2"), ("b-1",), ("c-1",)
    assert division.folds == ({"train": b + c, "test": a}, {"train": a + c, "test": b}, {"train": a + b, "test": c})
    assert division.held_out
    by_split = divide_ids("splits", Protocol(leave_out=("train/*", "validation/*", "test/*")), "toy", ids)
    assert [fold["test"] for fold in by_split.folds] == [("a-1", "b-1"), ("c-1",), ("a-2",)]
    for patterns, said in ((("a-*", "b-*"), "in no part"), (("a-*", "*"), "in two parts"), (("d-*", "*"), "in a part")):
        with pytest.raises(ConfigError, match=said):
            divide_ids("sources", Protocol(leave_out=patterns), "toy", ids)


def test_all_tiles_are_divided_anew_by_whole_slides() -> None:
    records = [*TRAIN, *(SampleRecord(name, "slide-9", 8, 8, None, None, None, (0, 0)) for name in IDS["test"])]
    protocol = Protocol(divide=Division(test=0.3))
    division = divide_ids("anew", protocol, "toy", IDS, records)
    (fold,) = division.folds
    assert sorted(fold["train"] + fold["test"]) == sorted(IDS["train"] + IDS["test"])
    groups = {record.id: record.group for record in records}
    assert not {groups[name] for name in fold["train"]} & {groups[name] for name in fold["test"]}
    assert len(fold["test"]) == 4
    assert divide_ids("anew", protocol, "toy", IDS, records[::-1]).sha256 == division.sha256


def test_seeds_of_the_cards_splits_are_one_fold_without_a_name() -> None:
    division = divide_ids("seeds", Protocol(seeds=5), "toy", IDS)
    assert (division.fold_names, division.seeds) == (("",), 5)
    assert division.folds == ({role: tuple(sorted(ids)) for role, ids in IDS.items()},)


def test_more_folds_than_slides_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        divided(Protocol(folds=7))
    assert caught.value.got == "6 groups for 7 folds"


def test_the_hash_is_of_the_lines_and_depends_on_nothing_else(tmp_path: Path) -> None:
    division = divided(Protocol(folds=3))
    division.write(tmp_path / "one.csv")
    lines = [line for line in (tmp_path / "one.csv").read_bytes().splitlines(keepends=True) if line[:1] != b"#"]
    assert hashlib.sha256(b"".join(lines)).hexdigest() == division.sha256
    assert list(csv.reader([lines[1].decode()])) == [["1/3", "train", division.folds[0]["train"][0]]]
    shuffled = divide_ids("other", Protocol(folds=3), "copy", IDS, TRAIN[::-1], rare=[1])
    assert shuffled.sha256 == division.sha256
    assert divided(Protocol(folds=3, test="held-out")).sha256 != division.sha256
    assert division.label == f"mine@{division.sha256[:12]}"


@pytest.mark.parametrize("protocol", [Protocol(folds=3), Protocol(seeds=5)], ids=["folds", "seeds"])
def test_a_file_gives_the_division_back(tmp_path: Path, protocol: Protocol) -> None:
    division = divided(protocol)
    division.write(tmp_path / "division.csv")
    assert read_division(tmp_path / "division.csv") == division


def test_a_file_of_ones_own_needs_no_head_and_no_order(tmp_path: Path) -> None:
    path = tmp_path / "ours.csv"
    path.write_text("fold,role,id\n1/1,test,c\n1/1,train,b\n1/1,train,a\n", encoding="utf-8")
    division = read_division(path)
    assert (division.name, division.folds) == ("ours", ({"test": ("c",), "train": ("a", "b")},))


HEAD = "fold,role,id\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,role\n", "does not have the columns"),
        (HEAD + "1/1,learn,a\n", "is not valid"),
        (HEAD + "1/1,train,a\n", "lacks a part"),
        (HEAD + "1/2,train,a\n1/2,test,b\n", "are not 1/K to K/K"),
        (HEAD + "1/1,train,a\n1/1,test,a\n", "is twice"),
        (HEAD + "1/2,train,a\n1/2,test,b\n1/2,test,c\n2/2,train,a\n2/2,test,b\n", "overlap but are not equal"),
        ("# sha256: 0\n" + HEAD + "1/1,train,a\n1/1,test,b\n", "was changed"),
        ("# seeds: many\n" + HEAD + "1/1,train,a\n1/1,test,b\n", "not a number"),
    ],
)
def test_what_is_no_division_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "division.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        read_division(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_division(tmp_path / "absent.csv")
