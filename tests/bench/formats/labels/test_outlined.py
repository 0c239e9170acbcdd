"""Files of outlines: every format gives the same nuclei, and nothing is repaired or dropped without being counted."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from bench.errors import DataError
from bench.formats.labels import read_labels
from bench.formats.outlines import covered
from tests.bench.formats.labels import outline_formats as outlines
from tests.bench.formats.labels.outline_files import SQUARE, drawn, feature, refused, written

IDS, TYPES = outlines.cells(1)
NAMES = {name: index for index, name in enumerate(outlines.NAMES, 1)}


@pytest.mark.parametrize("writer", [*outlines.NAMED, *outlines.NUMBERED])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_format_gives_the_pixels_and_classes_it_was_written_from(tmp_path, writer, seed) -> None:
    ids, types = outlines.cells(seed)
    found = read_labels(writer(tmp_path / "a", ids, types), size=ids.shape, names=NAMES)
    # ImageScope's files are ordered by class
    order = np.argsort(types, kind="stable") if writer is outlines.imagescope else np.arange(len(types))
    assert ids.max() > 20
    assert set(np.unique(ids[[0, -1]])) - {0}, "none at the border"
    expected = np.concatenate([[0], np.argsort(order) + 1])[ids]
    np.testing.assert_array_equal(found.instances, expected)
    np.testing.assert_array_equal(found.types, types[order])
    assert found.instances.dtype == np.int32
    assert found.types.dtype == np.uint8
    assert found.notes == {}
    assert found.names == (() if writer is outlines.hovernet else tuple(sorted(outlines.NAMES)))


def test_outlines_without_class_names_are_nuclei_without_classes(tmp_path) -> None:
    found = read_labels(outlines.imagescope(tmp_path / "a", IDS, None), size=IDS.shape, names=NAMES)
    np.testing.assert_array_equal(found.instances, IDS)
    assert found.types is None


def test_a_smooth_outline_covers_the_pixels_whose_centres_are_inside(tmp_path) -> None:
    """Each nucleus has an IoU of at least .95 with the pixels whose centres shapely finds inside its polygon."""
    rng = np.random.default_rng(7)
    shapes = []
    for row in range(3):
        for column in range(4):
            angles = np.sort(rng.uniform(0, 2 * np.pi, 24))
            radius = rng.uniform(9, 11, 24)
            shapes.append(np.c_[radius * np.cos(angles) + 15 + 30 * column, radius * np.sin(angles) + 15 + 30 * row])
    size, (rows, columns) = (90, 120), np.indices((90, 120)) + 0.5
    qupath = [feature([*shape.tolist(), shape[0].tolist()]) for shape in shapes]
    nuc = {str(i): {"contour": (shape - 0.5).tolist(), "type": None} for i, shape in enumerate(shapes)}
    coco = {
        "images": [{"id": "1", "file_name": "c.png", "height": 90, "width": 120}],
        "annotations": [{"id": i, "image_id": 1, "segmentation": [s.ravel().tolist()]} for i, s in enumerate(shapes)],
    }
    region = "<Region><Vertices>{}</Vertices></Region>"
    points = ["".join(f'<Vertex X="{x - 0.5}" Y="{y - 0.5}"/>' for x, y in shape) for shape in shapes]
    layer = f"<Annotation><Regions>{''.join(map(region.format, points))}</Regions></Annotation>"
    (tmp_path / "d.xml").write_text(f"<Annotations>{layer}</Annotations>")
    paths = [written(tmp_path, *each) for each in ((qupath, "a.json"), ({"nuc": nuc}, "b.json"), (coco, "c.json"))]
    maps = [read_labels(path, size=size).instances for path in (*paths, tmp_path / "d.xml")]
    for index, shape in enumerate(shapes, 1):
        inside = shapely.contains_xy(shapely.Polygon(shape), columns, rows)
        for ids in maps:
            assert ((ids == index) & inside).sum() / ((ids == index) | inside).sum() >= 0.95
    for ids in maps[1:]:
        np.testing.assert_array_equal(ids, maps[0])


def test_holes_belong_to_no_nucleus_and_their_borders_do(tmp_path) -> None:
    hole = [[4, 5], [6, 5], [6, 7], [4, 7], [4, 5]]
    found = drawn(tmp_path, feature(SQUARE, hole))
    expected = np.zeros((20, 30), int)
    expected[3:9, 2:8] = 1
    expected[5:7, 4:6] = 0
    np.testing.assert_array_equal(found.instances, expected)
    # through the centres of pixels: what OpenCV gives as the contour of a hole runs on the nucleus
    inside, window = covered(np.array([[3.0, 4], [6, 4], [6, 7], [3, 7]]), (20, 30), border=False)
    assert inside.sum() == 4
    assert window == (slice(4, 8), slice(3, 7))


def test_negative_outlines_of_imagescope_are_holes_of_the_smallest_around_them(tmp_path) -> None:
    region = '<Region NegativeROA="{}"><Vertices>{}</Vertices></Region>'

    def square(low, high):
        corners = ((low, low), (high, low), (high, high), (low, high))
        return "".join(f'<Vertex X="{x}" Y="{y}"/>' for x, y in corners)

    inner = region.format(1, square(4, 8)) + region.format(0, square(0, 15)) + region.format(0, square(2, 11))
    path = tmp_path / "a.xml"
    path.write_text(f"<Annotations><Annotation><Regions>{inner}</Regions></Annotation></Annotations>")
    found = read_labels(path, size=(20, 20)).instances
    assert (found == 2).sum() == 10 * 10 - 3 * 3
    assert found[6, 6] == 1, "the hole of the second shows the first"
    lost = region.format(0, square(0, 3)) + region.format(1, square(6, 9))
    path.write_text(f"<Annotations><Annotation><Regions>{lost}</Regions></Annotation></Annotations>")
    refused("A negative outline .* is not inside of another one; got: region 2", path)
    ellipse = f'<Region Type="2"><Vertices>{square(0, 5)}</Vertices></Region>'
    path.write_text(f"<Annotations><Annotation><Regions>{ellipse}</Regions></Annotation></Annotations>")
    refused("is not an outline; got: region 1: an ellipse", path)


COUNTED = {
    "bow tie": (
        [[0, 0], [6, 6], [6, 0], [0, 6], [0, 0]],
        "outlines that cross themselves, filled wherever they go round",
    ),
    "two points": ([[0, 0], [6, 6], [0, 0]], "outlines of fewer than 3 points left out"),
    "no points": ([], "outlines of fewer than 3 points left out"),
    "below a pixel": ([[5.6, 5.6], [6.4, 5.6], [6, 6.4]], "nuclei that cover the centre of no pixel left out"),
    "beyond the border": ([[-9, 0], [6, 0], [6, 2], [-9, 2]], "nuclei cut off at the border of the image"),
    "outside": ([[50, 0], [56, 0], [56, 6], [50, 6]], "nuclei outside of the image left out"),
    "on the first": ([[4, 4], [10, 4], [10, 9], [4, 9]], "nuclei that cover pixels of an earlier one"),
}


@pytest.mark.parametrize("name", COUNTED)
def test_what_is_repaired_cut_off_or_left_out_is_counted(tmp_path, name) -> None:
    points, note = COUNTED[name]
    far = [feature([[x + 9 * i, y + 8] for x, y in SQUARE]) for i in range(2)]
    found = drawn(tmp_path, feature(SQUARE), feature(points), *far)
    assert found.notes[note] == 1
    assert found.instances.max() == (3 if note.endswith("left out") else 4)
    assert sum(found.notes.values()) == 1 + (name == "bow tie")


def test_a_nucleus_under_later_ones_is_counted(tmp_path) -> None:
    found = drawn(tmp_path, feature([[3, 4], [7, 4], [7, 8], [3, 8]], name="a"), feature(SQUARE, name="b"))
    assert found.types.tolist() == [2]
    assert found.notes["nuclei completely under later ones left out"] == 1


@pytest.mark.parametrize("seed", range(4))
def test_outlines_that_cross_themselves_are_filled_as_shapely_repairs_them(tmp_path, seed) -> None:
    points = np.random.default_rng(seed).uniform(2, 18, (9, 2))
    repaired = shapely.make_valid(shapely.Polygon(points), method="structure", keep_collapsed=False)
    rows, columns = np.indices((20, 20)) + 0.5
    found = drawn(tmp_path, feature(points.tolist()), size=(20, 20))
    np.testing.assert_array_equal(found.instances > 0, shapely.contains_xy(repaired, columns, rows))
    assert sum(found.notes.values()) == 1


def test_harmless_rings_are_no_repairs(tmp_path) -> None:
    repeated = [point for point in SQUARE for _ in range(2)]
    touching = [[10, 0], [14, 0], [14, 4], [18, 4], [18, 8], [14, 8], [14, 4], [10, 4]]
    found = drawn(tmp_path, feature(repeated), feature(SQUARE[:-1][::-1]), feature(touching), size=(20, 30))
    assert (found.instances == 2).sum() == 32
    assert set(found.notes) == {
        "nuclei that cover pixels of an earlier one",
        "nuclei completely under later ones left out",
    }


@pytest.mark.parametrize("hole", [[[20, 3], [24, 3], [24, 9], [20, 9]], [[6, 5], [12, 5], [12, 7], [6, 7]]])
def test_holes_that_reach_out_are_counted(tmp_path, hole) -> None:
    found = drawn(tmp_path, feature(SQUARE, hole))
    assert list(found.notes) == ["outlines whose holes are not inside of them, filled without what the holes cover"]
    assert (found.instances > 0).sum() in (36, 32)


@pytest.mark.parametrize("point", [["1", "2"], [1], [1, 2, 3, 4], None, [True, 2], [1, None], {"x": 1}, [1, 1e7]])
def test_points_that_are_not_two_numbers_are_refused_by_name(tmp_path, point) -> None:
    path = written(tmp_path, [feature(SQUARE), feature([*SQUARE[:3], point, SQUARE[0]])])
    refused("of feature 2 of ", path)
    path = written(tmp_path, {"nuc": {"17": {"contour": [*SQUARE, point], "type": 1}}})
    refused("of nucleus 17 of ", path)


def test_numbers_that_are_none_are_refused(tmp_path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([feature([*SQUARE, [float("nan"), 1]])]))
    refused("not within 1000000 px", tmp_path / "a.json")


def test_a_third_coordinate_is_dropped_only_in_one_plane(tmp_path) -> None:
    assert drawn(tmp_path, feature([[*point, 0] for point in SQUARE])).instances.max() == 1
    refused("not in one plane", written(tmp_path, [feature([[*point, i] for i, point in enumerate(SQUARE)])]))


def test_swapped_coordinates_are_refused_where_the_size_shows_it(tmp_path) -> None:
    wide = [[x + 20, y] for x, y in SQUARE]
    path = written(tmp_path, [feature(wide), feature(SQUARE)])
    assert read_labels(path, size=(20, 30)).instances.max() == 2
    with pytest.raises(DataError, match=r"1 of 2, for example feature 1 at x 2\d") as caught:
        read_labels(path, size=(30, 20))
    assert caught.value.fix == "swap x and y: all of them are then inside"
    slide = [[x + 5000, y + 7000] for x, y in SQUARE]
    refused("outside of their image", written(tmp_path, [feature(slide)]))


@pytest.mark.parametrize("size", [(20, 20), (20, 30)])
def test_an_outline_within_the_last_half_pixel_says_nothing_about_swapped_coordinates(tmp_path, size) -> None:
    edge = [[5, 19.6], [9, 19.6], [9, 19.9]]
    found = drawn(tmp_path, feature(SQUARE), feature(edge), feature([[x + 8, y + 8] for x, y in SQUARE]), size=size)
    assert found.instances.max() == 2
    assert list(found.notes.values()) == [1]


KINDS = {
    "dictionary": {"name": "Tumor", "color": [1, 2, 3]},
    "old": {"name": "Tumor", "colorRGB": -3},
    "text": "Tumor",
    "names": {"names": ["Tumor"], "color": [1, 2, 3]},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_to_write_a_classification(tmp_path, kind) -> None:
    found = drawn(
        tmp_path, feature(SQUARE, name=KINDS[kind]), feature([[9, 9], [12, 9], [12, 12]]), names={"tumor ": 7}
    )
    assert found.types.tolist() == [7, 0]
    assert found.names == ("Tumor",)


def test_derived_classes_of_qupath_are_joined_and_names_are_numbered_by_default(tmp_path) -> None:
    derived = {"names": ["Tumor", "Positive"]}
    found = drawn(tmp_path, feature(SQUARE, name=derived), feature([[9, 9], [12, 9], [12, 12]], name="Stroma"))
    assert (found.types.tolist(), found.names) == ([2, 1], ("Stroma", "Tumor: Positive"))


def test_classes_that_are_not_known_are_refused_by_name(tmp_path) -> None:
    path = written(tmp_path, [feature(SQUARE, name="Ignore*")])
    refused(r"other names; got: Ignore\*; fix: .*: 1 tumour, 2 stroma", path, names={"tumour": 1, "stroma": 2})
    refused("classification of feature 1 .* has no name", written(tmp_path, [feature(SQUARE, name={"color": 1})]))


@pytest.mark.parametrize("form", ["collection", "list", "feature", "byte order mark"])
def test_every_form_of_geojson(tmp_path, form) -> None:
    one = feature(SQUARE)
    content = {"collection": {"type": "FeatureCollection", "features": [one]}, "feature": one}.get(form, [one])
    encoding = "utf-8-sig" if form == "byte order mark" else "utf-8"
    (tmp_path / "a.GeoJSON").write_text(json.dumps(content), encoding=encoding)
    assert (read_labels(tmp_path / "a.GeoJSON", size=(20, 30)).instances == 1).sum() == 36


EMPTY = [
    [],
    {"type": "FeatureCollection", "features": []},
    {"nuc": {}},
    {"cells": []},
    {"images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 30}], "annotations": [], "categories": []},
]


@pytest.mark.parametrize("content", EMPTY)
def test_a_file_without_nuclei_is_no_error(tmp_path, content) -> None:
    found = read_labels(written(tmp_path, content), size=(20, 30), names=NAMES)
    assert found.instances.shape == (20, 30)
    assert found.instances.max() == 0
    assert found.types.tolist() == []


def test_regions_around_detected_nuclei_are_left_out_and_counted(tmp_path) -> None:
    region = feature([[0, 0], [30, 0], [30, 20], [0, 20]], name="Region*")
    found = drawn(tmp_path, region, feature(SQUARE, kind="detection"))
    assert (found.instances > 0).sum() == 36
    assert found.types is None
    assert found.notes == {"annotations around detected nuclei left out": 1}


def test_cells_give_their_nuclei(tmp_path) -> None:
    nucleus = {"type": "Polygon", "coordinates": [SQUARE]}
    cell = [[0, 0], [12, 0], [12, 12], [0, 12]]
    assert (drawn(tmp_path, feature(cell, kind="cell", nucleusGeometry=nucleus)).instances > 0).sum() == 36
    assert (drawn(tmp_path, feature(cell, kind="cell")).instances > 0).sum() == 144
    both = [feature(cell, kind="cell", nucleusGeometry=nucleus), feature(cell, kind="cell")]
    refused("has no nucleus: feature 2", written(tmp_path, both))


def test_pieces_of_a_nucleus_are_one_and_all_nuclei_of_a_class_are_many(tmp_path) -> None:
    pieces = [[[2, 2], [8, 2], [8, 8], [2, 8]]], [[[9, 3], [11, 3], [11, 6], [9, 6]]]
    found = drawn(tmp_path, feature(*pieces, shape="MultiPolygon"))
    assert found.instances.max() == 1
    assert found.notes == {"nuclei of several outlines": 1}
    # CellViT writes one feature for each class
    far = [[[x + 20, y + 10] for x, y in SQUARE[:-1]]]
    content = [
        feature(pieces[0], far, shape="MultiPolygon", name="a"),
        feature(pieces[1], shape="MultiPolygon", name="b"),
    ]
    found = drawn(tmp_path, *content)
    assert found.instances.max() == 3
    assert found.types.tolist() == [1, 1, 2]
    assert found.notes == {"nuclei of features that hold all nuclei of a class": 3}
    refused("far apart; got: feature 1", written(tmp_path, [content[0], feature(SQUARE, name="a")]))


WRONG = {
    "other keys": ({"shapes": [], "imagePath": "a.png"}, "no known format .* the keys imagePath, shapes"),
    "a number": (3, "no known format of labels; got: int '3'"),
    "a list of numbers": ([1, 2], "no known format .* a list that begins with int '1'"),
    "results of COCO": ([{"image_id": 1, "segmentation": []}], "the keys image_id, segmentation"),
    "bare geometry": ({"type": "Polygon", "coordinates": [SQUARE]}, "does not hold GeoJSON features; got: Polygon"),
    "features": ({"type": "FeatureCollection"}, "does not hold GeoJSON features"),
    "collection": ([feature(SQUARE, shape="GeometryCollection")], "feature 1 .* got: a GeometryCollection"),
    "points": ([feature(shape="MultiPoint")], "feature 1 .* got: a MultiPoint"),
    "no geometry": ([{"type": "Feature", "geometry": None}], "feature 1 .* no geometry"),
    "flat": ([feature(1, 2)], "coordinates of feature 1 |outline of feature 1 "),
    "a tile": ([feature(SQUARE, kind="tile")], "is not a nucleus; got: feature 1, a tile"),
    "centres": ({"cells": [{"centroid": [1, 2], "type": 1}]}, r"no contour; got: cell 1: .*cell_detection\.json"),
    "a class of text": ({"nuc": {"4": {"contour": SQUARE, "type": "tumor"}}}, "The type of nucleus 4 .* 'tumor'"),
    "class 300": ({"nuc": {"4": {"contour": SQUARE, "type": 300}}}, "The type of nucleus 4 .* 300"),
    "unnamed class": ({"type_map": {"1": "a"}, "cells": [{"contour": SQUARE, "type": 2}]}, "type 2 of cell 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_json_is_refused_with_what_was_found(tmp_path, name) -> None:
    content, said = WRONG[name]
    refused(said, written(tmp_path, content))


@pytest.mark.parametrize("text", ["", "{", '{"nuc": {"1": {}, "1": {}}}', "[" * 100_000, "\udcff"])
def test_text_that_is_not_json_is_refused(tmp_path, text) -> None:
    (tmp_path / "a.json").write_bytes(text.encode(errors="surrogateescape"))
    refused("no readable JSON|A key occurs twice", tmp_path / "a.json")


def test_the_size_must_be_known(tmp_path) -> None:
    refused("holds outlines without the size of their image", written(tmp_path, [feature(SQUARE)]), size=None)


def test_classes_of_cellvit_are_named_in_either_direction(tmp_path) -> None:
    cells = [{"contour": [[i * 9, 0], [i * 9 + 4, 0], [i * 9, 4]], "type": i} for i in range(3)]
    for type_map in ({"0": "none", "1": "b", "2": "a"}, {"none": 0, "b": 1, "a": 2}):
        path = written(tmp_path, {"cells": cells, "type_map": type_map})
        assert read_labels(path, size=(20, 30), names={"a": 5, "b": 6}).types.tolist() == [0, 6, 5]
    path = written(tmp_path, {"cells": cells})
    assert read_labels(path, size=(20, 30)).types.tolist() == [0, 1, 2]


def test_contours_of_a_line_of_pixels_keep_them(tmp_path) -> None:
    """A nucleus of one row has a contour without area; HoVer-Net leaves out only those of fewer than three points."""
    line = {"contour": [[2, 2], [4, 2], [9, 2]], "type": None}
    dot = {"contour": [[15, 15]], "type": None}
    found = read_labels(written(tmp_path, {"mag": 40, "nuc": {"1": line, "2": dot}}), size=(20, 30))
    assert (found.instances > 0).sum() == 8
    assert found.notes == {"outlines of fewer than 3 points left out": 1}
    assert found.types is None
