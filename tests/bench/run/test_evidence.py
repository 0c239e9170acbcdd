"""What a run leaves to be looked at: pictures that show what they claim, and counts that agree with the data."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.datasets.prepared.read import PreparedDataset
from bench.evaluation.nuclei import Nuclei
from bench.results.evidence import FOLDER, Confusion, Evidence, Picture
from bench.results.table import ResultsStore
from bench.run.evidence import LARGEST, File, fitting, has_evidence, summed
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from bench.stages.patches import cut_rectangle
from bench.synthetic import SyntheticSet
from reports.thumbnails import encode, thumbnail
from tests.bench.conftest import request
from tests.golden.runs import TISSUE, TRAINED

pytestmark = pytest.mark.slow


def folder(outcome: Outcome) -> Path:
    return ResultsStore(outcome.store).folder(outcome.run)


def evidence(outcome: Outcome) -> Evidence:
    found = Evidence.read(folder(outcome))
    assert found is not None
    return found


def shown(found: Evidence, gallery: str, column: str) -> dict[str, Picture]:
    return {one.row: one for one in found.pictures if (one.gallery, one.column) == (gallery, column)}


def split(outcome: Outcome, name: str) -> PreparedDataset:
    found = [PreparedDataset(path) for path in (outcome.store / "jobs" / "prepare").iterdir()]
    return next(data for data in found if data.info.split == name)


def first_set(outcome: Outcome, method: str) -> SyntheticSet:
    index = ResultsStore(outcome.store).document(outcome.run).artefacts
    one = next(one for one in index if one.kind == "set" and one.method == method)
    return SyntheticSet(outcome.store / one.folder)


def names_a_file(place: Path, picture: Picture) -> bool:
    content = (place / picture.file).read_bytes()
    return hashlib.sha256(content).hexdigest().startswith(Path(picture.file).stem)


def test_a_run_of_nuclei_shows_all_that_applies(tiny: Outcome) -> None:
    found = evidence(tiny)
    assert found.lacking == ()
    assert (found.dataset, found.method, found.variant) == ("phantom", "diffmix", "")
    galleries = {one.gallery for one in found.pictures}
    assert galleries == {"labels", "same-mask", "predictions", "copies", "faithfulness", "confusions"}
    assert [*shown_columns(found, "predictions")] == ["truth", "real-only", "diffmix", "copy", "noise"]
    assert [*shown_columns(found, "same-mask")] == ["truth", "real", "diffmix"]
    assert len(shown(found, "predictions", "truth")) <= 4
    assert len({one.row for one in found.pictures if one.gallery == "labels"}) <= 8
    assert set(found.colours) == set(split(tiny, "train").info.classes)


def shown_columns(found: Evidence, gallery: str) -> dict[str, None]:
    return dict.fromkeys(one.column for one in found.pictures if one.gallery == gallery)


def test_files_are_those_that_pictures_name_and_are_small(tiny: Outcome) -> None:
    found, place = evidence(tiny), folder(tiny) / FOLDER
    named = {one.file for one in found.pictures}
    assert {path.name for path in place.iterdir()} == {*named, "evidence.json"}
    assert sum((place / name).stat().st_size for name in named) <= LARGEST
    for one in found.pictures:
        assert names_a_file(place, one)
        with Image.open(place / one.file) as picture:
            assert max(picture.size) <= (384 if one.gallery == "predictions" else 192)
        assert one.alt.endswith((".", ")"))
        assert len(one.alt) > 20


def test_training_patches_are_the_windows_of_their_rows_with_their_labels(tiny: Outcome) -> None:
    found, train = evidence(tiny), split(tiny, "train")
    made = first_set(tiny, "diffmix")
    for row, picture in shown(found, "labels", "real").items():
        tile, y, x = _place(row)
        window = cut_rectangle(train[train.ids.index(tile)], y, x, 32, 32)
        content, ending = encode(thumbnail(window.image, window.instances, window.types, 192))
        assert picture.file == f"{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        own = [one for one in found.pictures if (one.gallery, one.row) == ("labels", row) and one.column != "real"]
        assert own
        for one in own:
            kind = one.column.removeprefix("diffmix: ")
            drawn = [
                made[at]
                for at, line in enumerate(made.metadata)
                if (line.tile, line.crop, line.kind) == (tile, (y, x), kind)
            ]
            contents = [encode(thumbnail(each.image, each.instances, each.types, 192))[0] for each in drawn]
            assert (folder(tiny) / FOLDER / one.file).read_bytes() in contents


def _place(row: str) -> tuple[str, int, int]:
    tile, y, x = row.rsplit(", ", 2)
    return tile, int(y.removeprefix("row ")), int(x.removeprefix("column "))


def test_balances_are_those_of_the_sets(tiny: Outcome) -> None:
    found, train = evidence(tiny), split(tiny, "train")
    assert [one.arm for one in found.balances] == ["copy", "noise", "diffmix"]
    for one in found.balances:
        made = first_set(tiny, one.arm)
        for place, name in enumerate(train.info.classes, 1):
            assert one.real[name] == sum(int((sample.types == place).sum()) for sample in train)
            assert one.synthetic[name] == sum(line.types.count(place) for line in made.metadata)


def test_confusion_counts_every_true_nucleus_under_every_seed(tiny: Outcome) -> None:
    found, test = evidence(tiny), split(tiny, "test")
    assert {(one.arm, one.downstream) for one in found.confusions} == {
        (arm, "hovernet") for arm in ("real-only", "copy", "noise", "diffmix")
    }
    true = [sum(int((sample.types == place).sum()) for sample in test) for place in range(1, 5)]
    for one in found.confusions:
        assert one.classes == ("background", *test.info.classes)
        assert [sum(row) for row in one.counts[1:]] == [2 * n for n in true]
        assert one.counts[0][0] == 0


def test_results_from_before_get_the_same_evidence_again(tiny: Outcome) -> None:
    place = folder(tiny) / FOLDER
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    for path in place.iterdir():
        path.unlink()
    (place / "00aa.webp").write_bytes(b"of a run that was stopped")
    rows = (ResultsStore(tiny.store).root / f"{tiny.run}.parquet").read_bytes()
    assert run_request(request(tiny.store, seeds=2, overrides=TRAINED)).run == tiny.run
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    assert (ResultsStore(tiny.store).root / f"{tiny.run}.parquet").read_bytes() == rows


def test_an_error_costs_only_what_it_breaks(
    tiny: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: Nuclei, measured: Any) -> Iterator[Any]:
        raise ZeroDivisionError("of a picture")

    asked = request(tiny.store, seeds=2, overrides=TRAINED)
    whole = evidence(tiny)
    (folder(tiny) / FOLDER / "evidence.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(Nuclei, "pictures", broken)
        run_request(asked)
    found = evidence(tiny)
    assert found.lacking == ("pictures of nuclei: ZeroDivisionError: of a picture",)
    assert "could not be made: pictures of nuclei: ZeroDivisionError" in capsys.readouterr().err.replace("\n", " ")
    kept = [one for one in whole.pictures if one.gallery not in ("predictions", "confusions")]
    assert list(found.pictures) == kept
    assert found.confusions == whole.confusions
    assert not has_evidence(folder(tiny))
    run_request(asked)
    assert evidence(tiny) == whole


def test_two_methods_show_the_same_rows(tiny: Outcome) -> None:
    other = evidence(run_request(request(tiny.store, method="noise", seeds=2, overrides=TRAINED)))
    found = evidence(tiny)
    for gallery, columns in (("predictions", ("truth", "real-only")), ("same-mask", ("truth", "real"))):
        for column in columns:
            assert shown(found, gallery, column)
            assert shown(found, gallery, column) == shown(other, gallery, column)
        assert shown(other, gallery, "noise").keys() == shown(found, gallery, "truth").keys()


@pytest.fixture(scope="module")
def tissue(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A finished run of copies of images with a class."""
    store = tmp_path_factory.mktemp("tissue") / "store"
    overrides = ("max_samples=18", "reference_samples=24")
    return run_request(request(store, method="copy", dataset=str(TISSUE), controls=("noise",), overrides=overrides))


def test_a_run_of_tissue_shows_a_real_and_a_made_image_of_each_class(tissue: Outcome) -> None:
    found, train = evidence(tissue), split(tissue, "train")
    assert found.lacking == ()
    assert {one.gallery for one in found.pictures} <= {"classes", "copies", "confusions"}
    assert list(shown(found, "classes", "real")) == list(train.info.labels)
    made = first_set(tissue, "copy")
    labels = [train.info.labels[record.label] for record in made.records]
    for name, picture in shown(found, "classes", "copy").items():
        content, _ = encode(thumbnail(made.image(labels.index(name)), None, None, 192))
        assert (folder(tissue) / FOLDER / picture.file).read_bytes() == content
    assert set(found.colours) == set(train.info.labels)
    (balance,) = [one for one in found.balances if one.arm == "copy"]
    assert balance.unit == "images"
    assert balance.synthetic == {name: labels.count(name) for name in train.info.labels}


def test_confusion_of_tissue_has_every_test_image_and_shows_those_that_are_wrong(tissue: Outcome) -> None:
    found, test = evidence(tissue), split(tissue, "test")
    true = [sum(record.label == place for record in test.records) for place in range(len(test.info.labels))]
    for one in found.confusions:
        assert one.classes == test.info.labels
        assert [sum(row) for row in one.counts] == true
    own = next(one for one in found.confusions if one.arm == "copy")  # of the first network
    confused = [one for one in found.pictures if one.gallery == "confusions"]
    assert confused
    for one in confused:
        first, second = one.row.split(" taken for ")
        assert own.counts[own.classes.index(first)][own.classes.index(second)] > 0
        sample = test[test.ids.index(one.note)]
        assert test.info.labels[sample.label] == first
        content, _ = encode(thumbnail(sample.image, None, None, 192))
        assert (folder(tissue) / FOLDER / one.file).read_bytes() == content


def test_copies_are_suspected_in_a_run_of_copies(tissue: Outcome) -> None:
    found = [one for one in evidence(tissue).pictures if one.gallery == "copies"]
    assert 0 < len(found) <= 24
    for made, real in zip(found[::2], found[1::2], strict=True):
        assert made.value is not None
        assert made.value < 1e-3
        assert made.file == real.file  # the same pixels
        assert made.note.startswith("suspected copy")


def picture(gallery: str, row: str, size: int, name: str = "") -> File:
    content = bytes([len(row)]) * size
    fields = {"gallery": gallery, "row": row, "column": "real", "file": name or f"{gallery}{row}.png", "alt": "a patch"}
    return File(Picture.model_validate(fields), content)


def test_too_many_pictures_lose_the_last_rows_of_the_largest_gallery() -> None:
    files = [*(picture("copies", str(row), 30) for row in range(4)), picture("labels", "a", 50)]
    assert [file.picture.row for file in fitting(files, 120)] == ["0", "1", "a"]
    assert fitting(files, 170) == files
    shared = [picture("copies", "0", 90, "same.png"), picture("copies", "1", 90, "same.png")]
    assert fitting(shared, 90) == shared
    assert fitting(files, 0) == []


def test_confusions_of_folds_are_summed() -> None:
    def one(arm: str, n: int) -> Confusion:
        return Confusion(arm=arm, downstream="vit", classes=("a", "b"), counts=((n, 0), (1, n)))

    assert summed([one("x", 1), one("y", 5), one("x", 2)]) == [
        one("x", 3).model_copy(update={"counts": ((3, 0), (2, 3))}),
        one("y", 5),
    ]


def test_a_file_of_an_older_schema_is_written_again(tmp_path: Path) -> None:
    place = tmp_path / FOLDER
    place.mkdir()
    assert not has_evidence(tmp_path)
    (place / "evidence.json").write_text("{", encoding="utf-8")
    assert not has_evidence(tmp_path)
    Evidence(dataset="d", method="m").write(tmp_path)
    assert has_evidence(tmp_path)
    Evidence(dataset="d", method="m", schema_version=0).write(tmp_path)
    assert not has_evidence(tmp_path)


def test_pictures_can_be_read(tiny: Outcome) -> None:
    for one in evidence(tiny).pictures:
        content = (folder(tiny) / FOLDER / one.file).read_bytes()
        assert np.array(Image.open(io.BytesIO(content)).convert("RGB")).std() > 1
