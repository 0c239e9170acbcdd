"""Runs over all folds of a protocol: what each fold sees, and the rows over folds, end to end on a small phantom."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from bench.config import RunRequest
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.source import open_source
from bench.datasets.splits.id_division import IdDivision, read_division
from bench.engine.session import Session, drive
from bench.errors import ConfigError, MissingError
from bench.evaluation.over_folds import TRAININGS
from bench.results.document import RunDocument
from bench.results.table import ALL_FOLDS, ALL_SEEDS, POOLED_FOLDS, ResultsStore
from bench.run.divisions import Divided, divide_data
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from bench.run.publish import DIVISION
from bench.run.resolve import resolve
from bench.stages.census import divide_source
from bench.suite.plan import plan
from bench.synthetic import SyntheticSet
from tests.bench.conftest import request
from tests.bench.run.stages import stages
from tests.golden.runs import TRAINED

pytestmark = pytest.mark.slow

CARD = """
extends: phantom
default_preset: tiny
protocols:
  fixed: {folds: 2}
  own: {folds: 2, test: held-out}
  rotated: {rotate: ["slide-0[14]-*", "slide-0[25]-*", slide-03-*]}
  anew: {divide: {test: 0.4}}
  two-seeds: {seeds: 2}
  many: {folds: 5}
  too-many: {folds: 7}
extra:
  size: 96
  splits:
    train: {slides: 3, tiles: 2}
    test: {slides: 2, tiles: 1}
    fresh: {slides: 1, tiles: 1}
"""


class Place(NamedTuple):
    """A store and the card of the phantom that its runs read."""

    store: Path
    card: Path

    def ask(self, store: Path | None = None, **changes: object) -> RunRequest:
        asked = {"method": "gradmix", "dataset": str(self.card), "controls": (), "overrides": TRAINED}
        return request(store or self.store, **{**asked, **changes})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("folds")
    (folder / "folded.yaml").write_text(CARD, encoding="utf-8")
    return Place(folder / "store", folder / "folded.yaml")


@pytest.fixture(scope="module")
def fixed(place: Place) -> Outcome:
    return run_request(place.ask(protocol="fixed"))


@pytest.fixture(scope="module")
def rotated(place: Place, fixed: Outcome) -> Outcome:
    return run_request(place.ask(protocol="rotated", method="copy"))


def table(outcome: Outcome) -> pd.DataFrame:
    return ResultsStore(outcome.store).rows(outcome.run)


def document(outcome: Outcome) -> RunDocument:
    return ResultsStore(outcome.store).document(outcome.run)


def division(outcome: Outcome) -> IdDivision:
    return read_division(ResultsStore(outcome.store).folder(outcome.run) / DIVISION)


def one(rows: pd.DataFrame, **wanted: object) -> Mapping[str, object]:
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    (row,) = rows.to_dict("records")
    return row


def test_every_fold_has_its_rows_and_all_folds_together_have_theirs(fixed: Outcome) -> None:
    rows = table(fixed)
    label = division(fixed).label
    assert set(rows["division"]) == {label}
    assert label.startswith("fixed@")
    assert set(rows["fold"]) == {"1/2", "2/2", ALL_FOLDS}
    pq = rows[(rows["metric"] == "pq/image") & (rows["kind"] == "score")]
    for method in ("real-only", "gradmix"):
        values = [one(pq, method=method, fold=fold)["value"] for fold in ("1/2", "2/2")]
        together = one(pq, method=method, fold=ALL_FOLDS)
        assert together["value"] == pytest.approx(np.mean(values))
        assert (together["seed"], together["seeds"], together["ci_method"]) == (ALL_SEEDS, 2, TRAININGS)
        assert (together["n"], together["n_skipped"] >= 0) == (2, True)
    difference = one(rows, metric="pq/image", kind="difference", method="gradmix", fold=ALL_FOLDS)
    assert difference["p_holm"] == difference["p"]
    assert set(rows["aggregation"]) & {POOLED_FOLDS} == set()
    distances = rows[(rows["metric"] == "fd@random-convnet") & (rows["split"] == "train")]
    assert one(distances, fold=ALL_FOLDS)["value"] == pytest.approx(
        distances[distances["fold"] != "all"]["value"].mean()
    )


def test_a_fold_sees_only_its_own_training_slides(fixed: Outcome) -> None:
    folds = dict(zip(("1/2", "2/2"), division(fixed).folds, strict=True))
    seen = set()
    for artefact in document(fixed).artefacts:
        if artefact.kind != "set":
            continue
        made = SyntheticSet(fixed.store / artefact.folder)
        train = set(folds[artefact.fold]["train"])
        said = json.dumps([line.model_dump(mode="json") for line in made.metadata])
        assert {line.sources["train"] for line in made.metadata} <= train
        # nor does any donor, which a recipe names
        assert not [id for id in folds[artefact.fold]["validation"] if json.dumps(id) in said]
        seen.add(artefact.fold)
    assert seen == set(folds)


def test_the_steps_of_a_fold_read_its_training_and_validation_parts(fixed: Outcome) -> None:
    found = document(fixed)
    digests = found.digests
    assert set(digests) == {"train 1/2", "validation 1/2", "train 2/2", "validation 2/2", "test"}
    trained = [fixed.store / a.folder / "job.json" for a in found.artefacts if a.kind == "model"]
    inputs = [json.loads(path.read_text(encoding="utf-8"))["inputs"] for path in trained]
    assert len(inputs) == 4
    pairs = {(one["real"], one["validation"]) for one in inputs}
    assert pairs == {(digests[f"train {fold}"], digests[f"validation {fold}"]) for fold in ("1/2", "2/2")}
    # one split each of training and test data is prepared, and labels are counted once
    assert stages(fixed.store)["prepare"] == 2
    assert stages(fixed.store)["census"] == 1


def test_the_document_names_the_division_and_its_hash(fixed: Outcome) -> None:
    found, made = document(fixed), division(fixed)
    assert found.division["sha256"] == made.sha256
    assert (found.division["protocol"], found.division["folds"], found.division["test"]) == ("fixed", 2, "fixed")
    assert found.request["protocol"] == f"fixed@{made.sha256}"


def test_the_division_is_that_of_the_files_whatever_the_preset(place: Place, fixed: Outcome) -> None:
    source = open_source(str(place.card), None)
    (made,) = divide_source(source, {"fixed": source.card.protocols["fixed"]})
    assert made == division(fixed)


def test_from_a_row_over_folds_one_gets_to_the_outputs_of_each(fixed: Outcome) -> None:
    row = one(table(fixed), metric="pq/image", kind="score", method="gradmix", fold=ALL_FOLDS)
    index = document(fixed).index()
    assert {artefact.fold for artefact in index.of(row)} == {"1/2", "2/2"}
    assert {artefact.fold for artefact in index.of({**row, "fold": "2/2", "seed": 0})} == {"2/2"}


def test_folds_with_test_slides_of_their_own_are_also_pooled(rotated: Outcome) -> None:
    rows = table(rotated)
    assert division(rotated).held_out
    pq = rows[(rows["metric"] == "pq/pooled") & (rows["kind"] == "score") & (rows["method"] == "copy")]
    together = one(pq, fold=ALL_FOLDS, seed=ALL_SEEDS)
    assert (together["n"], together["seeds"]) == (8, 3)
    assert "at least 2 groups" in together["reason"]  # a fold is tested on one slide
    pooled = one(pq, fold=ALL_FOLDS, aggregation=POOLED_FOLDS)
    assert (pooled["seed"], pooled["n"]) == (0, 8)
    dice = rows[(rows["metric"] == "dice/image") & (rows["kind"] == "score") & (rows["method"] == "copy")]
    # a mean over the images of all folds is the mean of the folds' means, weighted with their images
    folds = [one(dice, fold=fold) for fold in ("1/3", "2/3", "3/3")]
    images = [row["n"] - row["n_skipped"] for row in folds]
    mean = np.average([row["value"] for row in folds], weights=images)
    assert one(dice, aggregation=POOLED_FOLDS)["value"] == pytest.approx(mean)


def test_a_division_in_a_file_gives_the_same_numbers(place: Place, fixed: Outcome, tmp_path: Path) -> None:
    division(fixed).write(tmp_path / "fixed.csv")
    before = stages(place.store)
    again = run_request(place.ask(protocol=str(tmp_path / "fixed.csv")))
    assert stages(place.store) == before
    assert division(again) == division(fixed)
    tables = [table(outcome).query("kind != 'cost'").drop(columns="run") for outcome in (again, fixed)]
    pd.testing.assert_frame_equal(*tables)


def test_a_dry_run_follows_all_folds(place: Place, fixed: Outcome, tmp_path: Path) -> None:
    seen = plan(resolve(place.ask(protocol="fixed")), None, tmp_path).steps
    assert len(seen) == fixed.steps
    assert [planned.step.title for planned in seen if not planned.cached] == []
    waiting = plan(resolve(place.ask(protocol="fixed", method="noise", overrides=())), None, tmp_path).steps
    assert sum(planned.step.stage == "synthesize" and not planned.cached for planned in waiting) == 2


def test_seeds_of_a_protocol_are_those_of_the_run(place: Place) -> None:
    assert resolve(place.ask(protocol="two-seeds")).request.seeds == 2
    assert resolve(place.ask(protocol="two-seeds", seeds=2)).request.seeds == 2
    with pytest.raises(ConfigError) as caught:
        resolve(place.ask(protocol="two-seeds", seeds=3))
    assert "--seeds 3" in caught.value.got


def divided(session: Session, place: Place, **changes: object) -> Divided:
    return drive(divide_data(session, resolve(place.ask(**changes))))


def test_a_single_fold_has_no_name_and_the_splits_of_the_card(session: Session, place: Place) -> None:
    (fold,), division = divided(session, place, protocol="two-seeds")
    plain = divided(session, place)
    assert plain.division is None
    assert division is not None
    assert (fold.name, set(fold.data)) == ("", {"train", "test"})
    assert {role: fold.data[role].digest for role in fold.data} == {
        role: data.digest for role, data in plain.folds[0].data.items()
    }


def test_a_fold_of_a_protocol_is_that_of_the_option(session: Session, place: Place) -> None:
    folds, _ = divided(session, place, protocol="own")
    for k, fold in enumerate(folds, 1):
        (alone,), _ = divided(session, place, fold=(k, 2))
        assert alone.name == fold.name == f"{k}/2"
        assert {role: list(data.ids) for role, data in alone.data.items()} == {
            role: list(data.ids) for role, data in fold.data.items()
        }


def test_more_folds_than_slides_are_refused(session: Session, place: Place) -> None:
    with pytest.raises(ConfigError) as caught:
        divided(session, place, protocol="many")
    assert caught.value.got == "3 groups for 5 folds"
    with pytest.raises(MissingError) as early:  # fewer tiles than folds: known before any work
        run_request(place.ask(protocol="too-many", store=place.store.with_name("never")))
    assert "6 training samples" in early.value.got
    assert not place.store.with_name("never").exists()


def write_folds(path: Path, *lines: tuple[str, str, str]) -> str:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("fold", "role", "id"), *lines])
    return str(path)


def test_a_file_that_does_not_fit_the_dataset_is_refused_before_any_work(place: Place, tmp_path: Path) -> None:
    file = write_folds(tmp_path / "odd.csv", ("1/1", "train", "slide-01-tile-0"), ("1/1", "test", "train_1"))
    with pytest.raises(MissingError) as caught:
        run_request(place.ask(protocol=file, store=tmp_path / "store"))
    assert "1 of its 2 ids" in caught.value.got
    assert "'train_1'" in caught.value.got
    assert not (tmp_path / "store").exists()


def test_folds_that_share_slides_are_refused(session: Session, place: Place, tmp_path: Path) -> None:
    a, b, c, d = ("slide-01-tile-0", "slide-01-tile-1", "slide-02-tile-0", "slide-02-tile-1")
    test = "slide-04-tile-0"
    fixed = [("1/2", "train", a), ("1/2", "validation", b), ("1/2", "test", test)]
    fixed += [("2/2", "train", a), ("2/2", "validation", c), ("2/2", "test", test)]
    with pytest.raises(ConfigError, match="Fold 1/2 trains on a slide of its validation part"):
        divided(session, place, protocol=write_folds(tmp_path / "validation.csv", *fixed))
    own = [("1/2", "train", c), ("1/2", "test", a), ("2/2", "train", d), ("2/2", "test", b)]
    with pytest.raises(ConfigError, match="are tested on the same slide"):
        divided(session, place, protocol=write_folds(tmp_path / "own.csv", *own))


def test_a_part_may_be_in_several_splits(session: Session, place: Place, tmp_path: Path) -> None:
    lines = [("1/1", "train", id) for id in ("slide-01-tile-0", "slide-04-tile-0")] + [
        ("1/1", "test", "slide-05-tile-0")
    ]
    (fold,), _ = divided(session, place, protocol=write_folds(tmp_path / "mixed.csv", *lines))
    assert list(fold.data["train"].ids) == ["slide-01-tile-0", "slide-04-tile-0"]
    assert not isinstance(fold.data["train"], PreparedDataset)


def test_all_tiles_may_be_divided_anew(session: Session, place: Place) -> None:
    (fold,), _ = divided(session, place, protocol="anew")
    ids = [id for data in fold.data.values() for id in data.ids]
    assert len(ids) == len(set(ids)) == 8
    assert not set(fold.data["train"].groups) & set(fold.data["test"].groups)


def test_a_fold_and_a_protocol_exclude_each_other(place: Place) -> None:
    with pytest.raises(ValueError, match="either a fold or a protocol"):
        place.ask(protocol="fixed", fold=(1, 2))


def test_an_unknown_protocol_suggests_the_nearest(place: Place) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(place.ask(protocol="fixd"))
    assert "fixed" in caught.value.fix
    with pytest.raises(ConfigError, match="has no protocols"):
        resolve(place.ask(dataset="phantom-tissue", protocol="fixed"))
