"""The layouts, read the way the official repositories read them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from scipy.io import loadmat

from bench.export import export_parts, export_samples, part_of
from tests.bench.export.samples import toy
from tests.toy import CLASSES


def test_hover_nets_patches(tmp_path) -> None:
    data = toy()
    export_samples(data, tmp_path / "out", "hovernet")
    files = sorted((tmp_path / "out").glob("*.npy"))
    assert [path.stem for path in files] == list(data.ids)
    array = np.load(files[1])  # no pickle
    assert (array.dtype, array.shape) == (np.int32, (48, 48, 5))
    sample = data.samples[1]
    np.testing.assert_array_equal(array[..., :3].astype("uint8"), sample.image)
    np.testing.assert_array_equal(array[..., 3], sample.instances)
    np.testing.assert_array_equal(array[..., 4], np.concatenate([[0], sample.types])[sample.instances])
    export_samples(toy(types=None), tmp_path / "untyped", "hovernet")
    assert np.load(tmp_path / "untyped" / files[1].name).shape == (48, 48, 4)


def test_consep(tmp_path) -> None:
    data = {split: toy(2, split) for split in ("train", "test")}
    export_parts([part_of(each) for each in data.values()], tmp_path / "out", "consep")
    sample = data["test"].samples[1]
    content = loadmat(tmp_path / "out" / "Test" / "Labels" / f"{sample.id}.mat")
    annotation = np.dstack([content["inst_map"], content["type_map"]]).astype("int32")
    np.testing.assert_array_equal(annotation[..., 0], sample.instances)
    np.testing.assert_array_equal(content["inst_type"][:, 0], sample.types)
    image = Image.open(tmp_path / "out" / "Test" / "Images" / f"{sample.id}.png")
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), sample.image)
    export_samples(toy(types=None), tmp_path / "untyped", "consep")
    content = loadmat(tmp_path / "untyped" / "Train" / "Labels" / "train-0-0.mat")
    assert {name for name in content if not name.startswith("__")} == {"inst_map", "inst_centroid"}


def test_cellvits_folds(tmp_path) -> None:
    data = {split: toy(3, split, tissue=tissue) for split, tissue in (("train", "Colon"), ("test", "Breast"))}
    export_parts([part_of(each) for each in data.values()], tmp_path / "out", "cellvit")
    for fold, (split, tissue) in enumerate((("train", "Colon"), ("test", "Breast"))):
        folder = tmp_path / "out" / f"fold{fold}"
        names = [f"{name}.png" for name in data[split].ids]
        types = pd.read_csv(folder / "types.csv").set_index("img")["type"].to_dict()
        assert types == dict.fromkeys(names, tissue)
        counts = pd.read_csv(folder / "cell_count.csv", index_col=0).reindex(names)
        assert list(counts.columns) == list(CLASSES)
        assert counts.index.name == "Image"
        for sample in data[split].samples:
            mask = np.load(folder / "labels" / f"{sample.id}.npy", allow_pickle=True)
            assert mask.shape == ()
            np.testing.assert_array_equal(mask[()]["inst_map"], sample.instances)
            assert mask[()]["type_map"].dtype == np.int32
            row = counts.loc[f"{sample.id}.png"].tolist()
            assert row == np.bincount(sample.types, minlength=5)[1:].tolist()
            assert (folder / "images" / f"{sample.id}.png").is_file()
    config = yaml.safe_load((tmp_path / "out" / "dataset_config.yaml").read_text())
    assert config["tissue_types"] == {"Breast": 0, "Colon": 1}
    assert config["nuclei_types"] == {"Background": 0, **{name: i for i, name in enumerate(CLASSES, 1)}}
    weights = yaml.safe_load((tmp_path / "out" / "weight_config.yaml").read_text())
    assert weights == {"tissue": {"Colon": 3}}


def test_cellvits_labels_name_no_module_that_numpy_1_lacks(tmp_path) -> None:
    export_samples(toy(1), tmp_path / "out", "cellvit")
    content = (tmp_path / "out" / "fold0" / "labels" / "train-0-0.npy").read_bytes()
    assert b"numpy._core" not in content
    assert content.count(b"numpy.core.multiarray\n") == 1


@pytest.mark.parametrize("format", ["hovernet", "consep", "cellvit", "imagefolder"])
def test_exports_are_the_same_bytes_each_time(tmp_path, format) -> None:
    for name in ("a", "b"):
        export_samples(toy(2), tmp_path / name, format)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert files
    for path in files:
        first, second = ((tmp_path / name / path).read_bytes() for name in ("a", "b"))
        # MATLAB files begin with a line of text that holds the time
        assert first[128:] == second[128:] if path.suffix == ".mat" else first == second
