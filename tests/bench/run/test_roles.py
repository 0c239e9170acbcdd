"""Where the captions of a run come from, and roles that are read only if there are data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import cli
from bench.contract import Dataset
from bench.engine.session import Session, drive
from bench.errors import ConfigError, DataError
from bench.run.divisions import prepare_data
from bench.run.missing import find_missing
from bench.run.resolve import Resolved, resolve
from bench.stages.fit import fit_parts
from bench.stages.synthesize import synthesize
from tests.bench.conftest import request
from tests.bench.run.reader import Reader, register
from tests.bench.run.test_tracks import captions as captions

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the method `reader`."""
    register(monkeypatch)


def resolved(store: Path, **changes: Any) -> Resolved:
    """Resolve a run of `reader` without controls."""
    return resolve(request(store, **{"method": "reader", "controls": (), **changes}))


def data_of(session: Session, asked: Resolved) -> dict[str, Dataset]:
    """Return the data of a run by role."""
    return drive(prepare_data(session, asked))


def read_by(session: Session, asked: Resolved) -> tuple[str, dict[str, list[str]]]:
    """Fit the method's part; return its key, and the ids of the samples that it read, by role."""
    data = data_of(session, asked)
    part = drive(fit_parts(session, asked.subject, data))["reading"]
    return part.key, json.loads((part.path / "ids.json").read_text())


def test_halves_of_a_dataset_of_nuclei_share_no_sample_and_no_group(session: Session, tmp_path: Path) -> None:
    asked = resolved(tmp_path)
    assert asked.subject.variant == "text=phantom:half"
    assert asked.others == {}
    assert find_missing(asked) == []
    data = data_of(session, asked)
    train, text = data["train"], data["text"]
    masks = [(name, group) for name, group in zip(train.ids, train.groups, strict=True) if name not in set(text.ids)]
    assert len(masks) + len(text) == len(train)
    assert len(masks) == len(text) == 8
    assert not {group for _, group in masks} & set(text.groups)
    _, read = read_by(session, asked)
    assert {role: len(ids) for role, ids in read.items()} == {"train": 16, "text": 8}


def test_captions_of_a_fold_are_of_its_training_split(session: Session, tmp_path: Path) -> None:
    for named in ({}, {"text": "phantom"}):  # the run's own dataset is never read past its split
        asked = resolved(tmp_path, fold=(1, 2), data=named)
        assert asked.subject.variant == "text=phantom:half"
        data = data_of(session, asked)
        assert set(data["text"].groups) < set(data["train"].groups)
        assert not set(data["text"].groups) & set(data["test"].groups)


def test_a_dataset_whose_training_split_is_one_group_is_refused(session: Session, tmp_path: Path) -> None:
    card = tmp_path / "one-slide.yaml"
    splits = "{train: {slides: 1, tiles: 2}, test: {slides: 2, tiles: 1}}"
    card.write_text(f"extends: phantom\nsplits: [train, test]\nextra: {{splits: {splits}}}\n")
    with pytest.raises(DataError, match="one-slide cannot be divided into captions and masks"):
        data_of(session, resolved(tmp_path, dataset=str(card)))


def test_a_dataset_of_another_kind_has_its_captions_itself(session: Session, tmp_path: Path, captions: Path) -> None:
    tissue = resolved(tmp_path, dataset="phantom-tissue")
    assert tissue.subject.variant == "text=phantom-tissue"
    data = data_of(session, tissue)
    assert list(data["text"].ids) == list(data["train"].ids)
    mine = resolved(tmp_path, dataset=str(captions), data_root=captions.parent)
    assert mine.subject.variant == "text=mine"
    assert len(data_of(session, mine)["text"]) == 7


@pytest.mark.parametrize(("preset", "name"), [("smoke", "phantom"), ("tiny", "phantom"), ("paper", "pathcap")])
def test_a_dataset_without_captions_reads_those_of_the_preset(tmp_path: Path, preset: str, name: str) -> None:
    asked = resolved(tmp_path, dataset="consep", preset=preset)
    assert asked.subject.variant == f"text={name}"
    assert {role: source.card.name for role, source in asked.others.items()} == {"text": name}
    without = resolved(tmp_path, dataset="consep", preset=preset, method="sdm")
    assert (without.subject.variant, without.others) == ("", {})


def test_absent_captions_are_reported_before_any_work_if_an_arm_reads_them(tmp_path: Path) -> None:
    def missing(**changes: Any) -> list[str]:
        asked = resolved(tmp_path, dataset="consep", preset="paper", device="cpu", **changes)
        return [item.fix for item in find_missing(asked) if "PathCap" in item.expected]

    (fix,) = missing()
    assert "choose other data: --data text=NAME" in fix
    assert missing(data={"text": "phantom"}) == []
    assert missing(method="sdm") == []
    assert len(missing(method="sdm", controls=("reader",))) == 1


def test_the_dataset_that_is_named_wins_and_changes_every_key(session: Session, tmp_path: Path, captions: Path) -> None:
    own, other = resolved(tmp_path), resolved(tmp_path, data={"text": str(captions)}, data_root=captions.parent)
    assert other.subject.variant == "text=mine"
    (first, mine), (second, named) = read_by(session, own), read_by(session, other)
    assert first != second
    assert mine["text"] != named["text"] == [*(f"train-{index}" for index in range(6)), "absent"]
    sets = [
        drive(synthesize(session, asked.subject, data_of(session, asked), {}, 2, 0, "seed 0")) for asked in (own, other)
    ]
    assert sets[0].finished.key != sets[1].finished.key


def test_captions_of_another_track_are_whole_images(session: Session, tmp_path: Path, captions: Path) -> None:
    asked = resolved(tmp_path, data={"text": str(captions)}, data_root=captions.parent)
    text = data_of(session, asked)["text"]
    assert {text[index].image.shape for index in range(6)} == {(32, 32, 3)}


def test_an_optional_role_is_read_if_there_are_data(session: Session, tmp_path: Path, captions: Path) -> None:
    fields = {"dataset": str(captions), "data_root": captions.parent}
    alone, partner = resolved(tmp_path, **fields), resolved(tmp_path, **fields, data={"mask": "phantom"})
    assert partner.subject.variant == "mask=phantom text=mine"
    assert find_missing(alone) == find_missing(partner) == []
    (first, without), (second, read) = read_by(session, alone), read_by(session, partner)
    assert set(without) == {"train", "text"}
    assert set(read) == {"train", "text", "mask"}
    assert len(read["mask"]) == 16
    assert first != second
    data = data_of(session, partner)
    made = drive(synthesize(session, partner.subject, data, {}, 1, 0, "seed 0"))
    assert made.set[0].image.max() == 3, "the method draws with three roles"


def test_data_for_masks_have_masks_and_nobody_else_may_have_the_role(tmp_path: Path) -> None:
    (item,) = find_missing(resolved(tmp_path, data={"mask": "phantom-tissue"}))
    assert "not a dataset of nuclei" in item.expected
    with pytest.raises(ConfigError, match="No method of this run reads data of the role"):
        resolved(tmp_path, method="sdm", data={"mask": "phantom"})


@pytest.mark.parametrize("asks", ["roles", "optional_roles"])
def test_a_method_that_asks_for_the_test_split_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asks: str
) -> None:
    monkeypatch.setattr(Reader, asks, frozenset({*getattr(Reader, asks), "test"}))
    command = ["run", "--method", "reader", "--dataset", "phantom", "--preset", "tiny", "--store", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["bench", *command])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error: The method 'reader' asks for the test split, which no method may see"
    assert "test" in lines[1]
    assert lines[2].startswith("fix:")
    assert list(tmp_path.rglob("prepare/*")) == []
