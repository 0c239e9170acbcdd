"""Scores of outlines: equal to those of maps in every pair of formats; classes by name or number; the size."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from bench.errors import DataError
from bench.scoring.label_pairs import MOST_PIXELS, read_pair, scheme_of
from bench.scoring.nuclei import score_nuclei
from bench.scoring.pairing import Pair, pair_labels
from tests.bench.formats.labels import formats, outline_formats
from tests.bench.formats.labels.outline_formats import NAMED, NAMES, NUMBERED, cells
from tests.bench.formats.labels.test_outlined import SQUARE, feature, written

WRITERS = {writer.__name__: writer for writer in (*NAMED, *NUMBERED, formats.consep, formats.png)}


def scored(tmp_path, true, pred, classes=NAMES, seeds=(1,)):
    for seed in seeds:
        for name in (true, pred):
            (tmp_path / name).mkdir(exist_ok=True)
            WRITERS[name](tmp_path / name / f"tile{seed}", *cells(seed))
    pairs = pair_labels(tmp_path / true, tmp_path / pred)
    return score_nuclei(pairs, [pair.stem for pair in pairs], mpp=0.25, classes=classes)


@pytest.mark.parametrize(("true", "pred"), [*zip(WRITERS, [*WRITERS][1:], strict=False), ("qupath", "consep")])
def test_the_same_nuclei_score_one_in_every_format(tmp_path, true, pred) -> None:
    report = scored(tmp_path, true, pred)
    assert report.metrics.pq == report.metrics.dice == report.metrics.aji == 1
    if "png" not in (true, pred):
        assert report.metrics.acc == 1
        assert set(report.metrics.f_type.values()) == {1}
        assert report.classes == list(NAMES)
    assert report.outlines.true == report.outlines.pred == {}


def test_scores_of_outlines_are_those_of_maps(tmp_path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        ids, types = cells(seed)
        for writer in (formats.consep, outline_formats.qupath, outline_formats.hovernet):
            folder = tmp_path / f"{name}-{writer.__name__}"
            folder.mkdir()
            writer(folder / "t", ids, types)
    reports = []
    for kinds in itertools.product(("consep", "qupath", "hovernet"), repeat=2):
        pairs = pair_labels(*(tmp_path / f"{name}-{kind}" for name, kind in zip("ab", kinds, strict=True)))
        report = score_nuclei(pairs, ["t"], mpp=0.25, classes=NAMES)
        reports.append(report.model_dump())
    assert reports[0]["metrics"]["pq"] < 0.5
    assert all(report == reports[0] for report in reports)


def test_names_of_both_sides_are_the_classes(tmp_path) -> None:
    true = [feature(SQUARE, name="Tumor"), feature([[10, 1], [14, 1], [14, 5]], name="stroma")]
    pred = [feature(SQUARE, name="tumor"), feature([[10, 1], [14, 1], [14, 5]], name="Lymphocyte")]
    pair = Pair("a", written(tmp_path, true, "a.json"), written(tmp_path, pred, "a.geojson"))
    assert scheme_of([pair]).classes == ("Lymphocyte", "Tumor", "stroma")
    report = score_nuclei([pair], ["a"], mpp=0.25)
    assert report.classes == ["Lymphocyte", "Tumor", "stroma"]
    assert report.metrics.acc == 0.5
    assert report.metrics.f_type["2"] == 1
    with pytest.raises(DataError, match="other names; got: Lymphocyte; fix: .* 1 tumor, 2 stroma"):
        score_nuclei([pair], ["a"], mpp=0.25, classes=("tumor", "stroma"))


def test_names_against_numbers_need_the_order_of_names(tmp_path) -> None:
    with pytest.raises(DataError, match=r"Some files name classes, and others number them") as caught:
        scored(tmp_path, "qupath", "consep", classes=())
    assert "--classes 'Epithelial,Lymphocyte,Tumor: Positive,\"stroma, néw\"'" in caught.value.fix
    assert scored(tmp_path, "hovernet", "consep", classes=()).classes == []


def test_the_size_is_that_of_the_map_on_either_side(tmp_path) -> None:
    formats.png(tmp_path / "map", np.zeros((20, 30), int))
    outlines = written(tmp_path, [feature(SQUARE)])
    for pair in (Pair("a", outlines, tmp_path / "map.png"), Pair("a", tmp_path / "map.png", outlines)):
        maps = read_pair(pair, scheme_of([pair]))
        assert [each.instances.shape for each in maps] == [(20, 30)] * 2
    with pytest.raises(DataError, match="swapped|outside of their image"):
        read_pair(
            Pair("a", written(tmp_path, [feature([[x, y + 20] for x, y in SQUARE])]), tmp_path / "map.png"),
            scheme_of([pair]),
        )


def test_two_sides_of_outlines_share_the_smallest_image_that_holds_both(tmp_path) -> None:
    wide, high = [[x + 30, y] for x, y in SQUARE], [[x, y + 50] for x, y in SQUARE]
    contour = {"nuc": {"1": {"contour": [[2, 3], [7, 3], [7, 8], [2, 8]], "type": None}}}
    pair = Pair(
        "a", written(tmp_path, [feature(SQUARE), feature(wide)], "a.json"), written(tmp_path, contour, "b.json")
    )
    true, pred = read_pair(pair, scheme_of([pair]))
    assert true.instances.shape == pred.instances.shape == (9, 38)
    np.testing.assert_array_equal(true.instances == 1, pred.instances == 1)
    empty = Pair("a", written(tmp_path, [feature(high)], "a.json"), written(tmp_path, [], "b.json"))
    assert read_pair(empty, scheme_of([empty]))[1].instances.shape == (59, 8)
    none = Pair("a", written(tmp_path, [], "a.json"), written(tmp_path, [], "b.json"))
    assert score_nuclei([none], ["a"], mpp=0.25).skipped.both_empty == 1
    side = int(MOST_PIXELS**0.5)
    far = written(tmp_path, [feature([[x + side, y + side] for x, y in SQUARE])], "a.json")
    with pytest.raises(DataError, match="reach too far to be drawn"):
        read_pair(Pair("a", far, far), scheme_of([pair]))


def test_what_was_done_to_outlines_is_counted_by_side(tmp_path) -> None:
    dot = feature([[1, 1], [2, 2]])
    pair = Pair(
        "a", written(tmp_path, [feature(SQUARE)], "a.json"), written(tmp_path, [dot, feature(SQUARE)], "b.json")
    )
    report = score_nuclei([pair, pair], ["a", "b"], mpp=0.25)
    assert report.outlines.true == {}
    assert report.outlines.pred == {"outlines of fewer than 3 points left out": 2}
    assert json.loads(report.model_dump_json())["outlines"]["pred"]


def test_one_coco_file_pairs_with_a_folder(tmp_path) -> None:
    (tmp_path / "maps").mkdir()
    images = {f"x/tile{seed}.png": cells(seed) for seed in (1, 2)}
    for name, (ids, types) in images.items():
        formats.consep(tmp_path / "maps" / name[2:-4], ids, types)
    file = outline_formats.coco(tmp_path / "all", images, "compressed")
    pairs = pair_labels(tmp_path / "maps", file)
    assert [pair.stem for pair in pairs] == ["tile1", "tile2"]
    report = score_nuclei(pairs, ["a", "b"], mpp=0.25, classes=NAMES)
    assert report.metrics.pq == report.metrics.acc == 1
    (tmp_path / "maps" / "tile2.mat").unlink()
    with pytest.raises(DataError, match=r"1 only in .*all\.json: tile2"):
        pair_labels(tmp_path / "maps", file)
