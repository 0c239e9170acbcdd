"""Importing outlines: the set is that of maps, bit for bit, and what was done to them is kept and shown."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.datasets.source import open_source
from bench.errors import DataError
from bench.importing.command import outline_notes
from tests.bench.datasets.layouts import write_image
from tests.bench.formats.labels import formats, outline_formats
from tests.bench.formats.labels.outline_formats import cells
from tests.bench.importing.test_command import bring_in

NAMES = open_source("phantom", None).card.class_names


@pytest.fixture(autouse=True)
def _phantom_names(monkeypatch) -> None:
    monkeypatch.setattr(outline_formats, "NAMES", NAMES)


def write(folder, writer, n=2):
    (folder / writer.__name__).mkdir(parents=True)
    for number in range(n):
        ids, types = cells(number)
        write_image(folder / "img" / f"t{number}.png", np.full((*ids.shape, 3), 200 + number, np.uint8))
        writer(folder / writer.__name__ / f"t{number}", ids, types)
    return folder / writer.__name__


def test_outlines_make_the_set_of_their_maps(tmp_path) -> None:
    writers = (formats.consep, outline_formats.qupath, outline_formats.cellvit, outline_formats.hovernet)
    made = [
        bring_in(tmp_path / "img", tmp_path / "store", labels=write(tmp_path, writer), method_name=f"m{index}")
        for index, writer in enumerate(writers)
    ]
    file = outline_formats.coco(tmp_path / "all", {f"t{number}.png": cells(number) for number in (0, 1)})
    made.append(bring_in(tmp_path / "img", tmp_path / "store", labels=file, method_name="coco"))
    assert len({each.digest for each in made}) == 1
    assert all(not outline_notes(each) for each in made)
    np.testing.assert_array_equal(made[-1][1].types, cells(1)[1])


def test_repairs_are_kept_with_the_sample_and_shown(tmp_path) -> None:
    labels = write(tmp_path, outline_formats.qupath)
    content = json.loads((labels / "t1.geojson").read_text())
    content["features"][0]["geometry"]["coordinates"] = [[[0, 0], [9, 9]]]
    (labels / "t1.geojson").write_text(json.dumps(content))
    note = "outlines of fewer than 3 points left out"
    made = bring_in(tmp_path / "img", tmp_path / "store", labels=labels)
    assert outline_notes(made) == {note: 1}
    assert [record.recipe.get("outlines") for record in made.metadata] == [None, {note: 1}]
    options = ["--dataset", "phantom", "--labels", str(labels), "--method-name", "cli", "--store", str(tmp_path / "s")]
    shown = CliRunner().invoke(app, ["import", str(tmp_path / "img"), *options])
    assert shown.exit_code == 0
    assert f"! {note}: 1" in shown.output


def test_unknown_classes_and_other_files_are_refused_by_name(tmp_path, monkeypatch) -> None:
    labels = write(tmp_path, outline_formats.cellvit)
    monkeypatch.setattr(outline_formats, "NAMES", ("Neoplastic", *NAMES[1:]))
    outline_formats.cellvit(labels / "t0", *cells(0))
    with pytest.raises(DataError, match=f"other names; got: Neoplastic; fix: .* 1 {NAMES[0]}"):
        bring_in(tmp_path / "img", tmp_path / "store", labels=labels)
    (labels / "t0.json").write_text('{"version": "5.0", "shapes": []}')
    with pytest.raises(DataError, match="no known format of labels; got: an object with the keys shapes, version"):
        bring_in(tmp_path / "img", tmp_path / "store", labels=labels)
    assert not list((tmp_path / "store").rglob("*.png"))
