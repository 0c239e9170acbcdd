"""Label files of every format: the same nuclei come back, and what is no label map is refused with a fix."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.io import savemat

from bench.errors import DataError
from bench.formats.labels import LabelMaps, read_labels
from tests.bench.formats.labels import formats
from tests.toy_maps import contiguous, pair, type_map, typed

_, IDS = pair(3, size=90, n=25)  # ids with gaps
TYPES = typed(np.random.default_rng(3), IDS, 4)


def read(tmp_path, writer, ids=IDS, types=TYPES) -> LabelMaps:
    formats.write(tmp_path, "a", writer, ids, types)
    return read_labels(next(tmp_path.iterdir()))


@pytest.mark.parametrize("writer", [*formats.TYPED, *formats.UNTYPED])
def test_every_format_gives_the_same_nuclei(tmp_path, writer) -> None:
    found = read(tmp_path, writer)
    assert found.instances.dtype == np.int32
    np.testing.assert_array_equal(found.instances, contiguous(IDS))
    if writer in formats.TYPED:
        assert found.types.dtype == np.uint8
        np.testing.assert_array_equal(found.types, TYPES)
    else:
        assert found.types is None
    assert (found.image is not None) == (writer is formats.five_channels)


@pytest.mark.parametrize("writer", [*formats.TYPED, *formats.UNTYPED])
def test_a_map_without_nuclei_is_no_error(tmp_path, writer) -> None:
    found = read(tmp_path, writer, np.zeros((20, 30), np.int32), np.zeros(0, np.int64))
    assert found.instances.shape == (20, 30)
    assert found.instances.max() == 0
    assert found.types is None or found.types.shape == (0,)


def test_the_image_of_hovernets_patches_comes_back(tmp_path) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (*IDS.shape, 3))
    np.save(tmp_path / "a.npy", np.dstack([rgb, IDS]).astype(np.int32))
    found = read_labels(tmp_path / "a.npy")
    assert found.image.dtype == np.uint8
    np.testing.assert_array_equal(found.image, rgb)
    assert found.types is None


def test_nuclei_that_a_prediction_lists_no_class_for_have_class_0(tmp_path) -> None:
    ids = np.array([[1, 1, 0], [0, 5, 5], [9, 0, 0]])
    savemat(tmp_path / "a.mat", {"inst_map": ids, "inst_uid": [[9], [1], [77]], "inst_type": [[4], [2], [1]]})
    assert read_labels(tmp_path / "a.mat").types.tolist() == [2, 0, 4]
    types = np.array([[2, 2, 0], [0, 0, 0], [4, 0, 0]])
    np.save(tmp_path / "b.npy", np.dstack([ids, types]))
    assert read_labels(tmp_path / "b.npy").types.tolist() == [2, 0, 4]


def test_gradmix_files_keep_a_stale_inst_type_and_the_type_map_says_it_all(tmp_path) -> None:
    """GradMix removes nuclei from the maps and leaves `inst_type` and `inst_centroid` at their old lengths."""
    stale = {"inst_type": np.full((len(TYPES) + 7, 1), 9), "inst_centroid": np.zeros((len(TYPES) + 7, 2))}
    savemat(tmp_path / "a_synthesized.mat", {"inst_map": IDS, "type_map": type_map(IDS, TYPES), **stale})
    found = read_labels(tmp_path / "a_synthesized.mat")
    np.testing.assert_array_equal(found.instances, contiguous(IDS))
    np.testing.assert_array_equal(found.types, TYPES)


def test_more_than_65535_ids_and_32_bits(tmp_path) -> None:
    ids = np.array([[0, 70_000], [3, 2**31 - 1]], np.uint32)
    tifffile.imwrite(tmp_path / "a.tif", ids)
    np.save(tmp_path / "a.npy", ids)
    for name in ("a.tif", "a.npy"):
        assert read_labels(tmp_path / name).instances.tolist() == [[0, 2], [1, 3]]


def mixed(path):
    types = np.ones_like(IDS) * (IDS > 0)
    types[tuple(np.argwhere(IDS > 0)[0])] = 2
    savemat(path / "a.mat", {"inst_map": IDS, "type_map": types})


def truncated(path):
    formats.png(path / "a", IDS)
    (path / "a.png").write_bytes((path / "a.png").read_bytes()[:200])


def array(content, **options):
    return lambda path: np.save(path / "a.npy", content, **options)


def mat(**content):
    return lambda path: savemat(path / "a.mat", content)


WRONG = {
    "float npy": (array(IDS.astype(np.float32)), "not whole numbers; got: dtype float32"),
    "bool npy": (array(IDS > 0), "not whole numbers; got: dtype bool"),
    "negative npy": (array(-IDS), "0..2147483647"),
    "three channels": (array(np.zeros((9, 9, 3), np.int32)), r"shape \(9, 9, 3\)"),
    "one row": (array(np.arange(4)), r"shape \(4,\)"),
    "empty": (array(np.zeros((0, 4), int)), r"shape \(0, 4\)"),
    "colours above 255": (array(np.full((4, 4, 5), 256)), "RGB values .* 256"),
    "pickle": (array(np.array({"inst_map": IDS}, dtype=object), allow_pickle=True), "pickled Python objects"),
    "text as npy": (lambda path: (path / "a.npy").write_text("ids"), "another format"),
    "float tif": (lambda path: tifffile.imwrite(path / "a.tif", IDS.astype(np.float32)), "float32"),
    "pages": (lambda path: tifffile.imwrite(path / "a.tif", np.stack([IDS, IDS]).astype(np.uint16)), "2 pages"),
    "mask": (lambda path: Image.fromarray(((IDS > 0) * 255).astype(np.uint8)).save(path / "a.png"), "foreground"),
    "colours": (lambda path: Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(path / "a.png"), r"\(9, 9, 3\)"),
    "truncated": (truncated, "readable instance map"),
    "fractional mat": (mat(inst_map=IDS + 0.5 * (IDS > 0)), "fractional"),
    "no inst_map": (mat(labels=IDS), "key 'inst_map'"),
    "stale inst_type": (mat(inst_map=IDS, inst_type=np.ones((99, 1))), r"99 classes, \d+ nuclei"),
    "stale inst_uid": (mat(inst_map=IDS, inst_uid=[[1]], inst_type=[[1], [2]]), "2 classes, 1 nuclei"),
    "doubled inst_uid": (mat(inst_map=IDS, inst_uid=[[1], [1]], inst_type=[[1], [2]]), "1 doubled"),
    "two classes in one": (mixed, r"several classes .* classes \[1, 2\]"),
    "another suffix": (lambda path: (path / "a.txt").write_text("{}"), r"\.mat, \.npy"),
    "an empty object": (lambda path: (path / "a.json").write_text("{}"), "no known format .* an empty object"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_label_map_is_refused_with_a_fix(tmp_path, name) -> None:
    make, said = WRONG[name]
    make(tmp_path)
    path = next(tmp_path.iterdir())
    with pytest.raises(DataError, match=said) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)
    assert caught.value.fix
