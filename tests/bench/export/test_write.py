"""Export: every format comes back as it was, whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.contract import Sample
from bench.datasets.checks.verify import verify
from bench.datasets.readers.consep import CoNSeP
from bench.datasets.readers.nuclei_folder import NucleiFolder
from bench.errors import BenchError, ConfigError, DataError, SealError
from bench.export import FORMATS, export_parts, export_samples, part_of, set_part
from bench.export.parts import open_parts
from bench.synthetic import sample_digest
from tests.bench.datasets.layouts import shipped_card
from tests.bench.datasets.readers.test_nuclei_folder import card
from tests.bench.export.samples import Labelled, read_back, same, seal, table, toy
from tests.toy import CLASSES

NUCLEI = ("hovernet", "consep", "cellvit")
FOLDER = {"hovernet": ".", "consep": "Train", "cellvit": "fold0", "imagefolder": "."}


@pytest.mark.parametrize("format", NUCLEI)
def test_a_split_comes_back_as_it_was(tmp_path, format) -> None:
    data = toy()
    done = export_samples(data, tmp_path / "out", format)
    assert done.splits == {"train": (FOLDER[format], 4)}
    assert done.lost == ()
    found = read_back(tmp_path / "out" / FOLDER[format], format)
    assert list(found) == list(data.ids)
    for sample in data.samples:
        same(found[sample.id], sample)


@pytest.mark.parametrize("format", ["hovernet", "consep"])
def test_untyped_nuclei_come_back(tmp_path, format) -> None:
    data = toy(types=None)
    export_samples(data, tmp_path / "out", format)
    found = read_back(tmp_path / "out" / FOLDER[format], format)
    for sample in data.samples:
        same(found[sample.id], sample)


@pytest.mark.parametrize("format", NUCLEI)
def test_images_without_nuclei_and_more_ids_than_16_bits_hold(tmp_path, format) -> None:
    data = toy(2)
    empty = np.zeros((48, 48), np.int32)
    many = np.arange(1, 70_001, dtype=np.int32).reshape(250, 280)
    image = np.zeros((250, 280, 3), np.uint8)
    data.samples[0] = replace(data.samples[0], instances=empty, types=np.zeros(0, np.uint8))
    data.samples[1] = replace(data.samples[1], image=image, instances=many, types=np.ones(70_000, np.uint8))
    export_samples(data, tmp_path / "out", format)
    found = read_back(tmp_path / "out" / FOLDER[format], format)
    for sample in data.samples:
        same(found[sample.id], sample)


@pytest.mark.parametrize("format", NUCLEI)
def test_nuclei_folder_reads_every_format_with_its_groups(tmp_path, format) -> None:
    data = {split: toy(4, split) for split in ("train", "test")}
    done = export_parts([part_of(each) for each in data.values()], tmp_path / "mine", format)
    places = {"hovernet": (None, "."), "consep": ("Images", "Labels"), "cellvit": ("images", "labels")}[format]
    folders = {split: place for split, (place, _) in done.splits.items()}
    extra = {"images": places[0], "labels": places[1], "splits": folders, "groups": "groups.csv"}
    source = NucleiFolder(card(divide=None, extra=extra, mpp=0.5), tmp_path)
    assert verify(source).ok
    for split, truth in data.items():
        assert [sample.id for sample in source.samples(split)] == list(truth.ids)
        for sample, wanted in zip(source.samples(split), truth.samples, strict=True):
            same(replace(sample, caption=wanted.caption), wanted)


def test_our_consep_source_reads_the_consep_format(tmp_path) -> None:
    data = {split: toy(3, split) for split in ("train", "test")}
    export_parts([part_of(each) for each in data.values()], tmp_path / "consep", "consep")
    merged = shipped_card("consep").model_copy(update={"expected": {}, "classes_merged": "merged"})
    source = CoNSeP(merged, tmp_path)
    for split, truth in data.items():
        for sample, wanted in zip(source.samples(split), truth.samples, strict=True):
            same(replace(sample, group=wanted.group, caption=wanted.caption), wanted)
        assert source.layout_findings(split) == []
        assert source.inspect(split, 0).findings == ()  # centroids are (x, y)


@pytest.mark.parametrize("format", NUCLEI)
@pytest.mark.parametrize("typed", [True, False])
def test_a_sealed_set_has_the_same_digests_after_every_format(tmp_path, format, typed) -> None:
    captions = ["plain", 'commas, "quotes"\nand a second line', "Zellen: größer ≥ 5 µm", None]
    samples = [replace(s, caption=c) for s, c in zip(toy().samples, captions, strict=True)]
    if not typed:
        samples = [replace(sample, types=None) for sample in samples]
    part = set_part(seal(tmp_path / "set", samples, toy().info))
    if format == "cellvit" and not typed:
        with pytest.raises(DataError, match="nuclei with classes"):
            export_parts([part], tmp_path / "out", format)
        return
    export_parts([part], tmp_path / "out", format)
    found = read_back(tmp_path / "out" / FOLDER[format], format)
    assert [sample_digest(found[s.id]) for s in samples] == [sample_digest(s) for s in samples]
    assert {sample.group for sample in found.values()} == {"slide-0"}


def test_an_image_folder_keeps_pixels_classes_groups_and_captions(tmp_path) -> None:
    data = Labelled(6, 32)
    part = set_part(seal(tmp_path / "set", data.samples, data.info))
    export_parts([part], tmp_path / "out", "imagefolder")
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == ["ADI", "TUM", "a _ b"]
    found = read_back(tmp_path / "out", "imagefolder", data.info.labels)
    assert [sample_digest(found[s.id]) for s in data.samples] == [sample_digest(s) for s in data.samples]
    rows = table(tmp_path / "out" / "groups.csv")
    assert all((tmp_path / "out" / row["file_name"]).is_file() for row in rows)


def test_images_without_a_class_lie_in_the_folder_itself_and_what_is_lost_is_said(tmp_path) -> None:
    data = toy(ignore=np.ones((48, 48), bool))
    done = export_samples(data, tmp_path / "out", "imagefolder")
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {f"{name}.png" for name in data.ids}
    assert len(done.lost) == 2
    text = (tmp_path / "out" / "README.txt").read_text(encoding="utf-8")
    assert all(line in text for line in done.lost)
    assert all(line.startswith("4 images have") for line in done.lost)


def test_captions_without_an_image_are_left_out_and_counted(tmp_path) -> None:
    data = toy(3)
    text = Sample("text", np.zeros((0, 0, 3), np.uint8), "g", 0.5, caption="words")
    data.samples.append(text)
    done = export_samples(data, tmp_path / "out", "imagefolder")
    assert done.splits["train"][1] == 3
    assert "1 captions whose image is absent were left out" in done.lost
    data.samples = [text]
    with pytest.raises(DataError, match="The train split of .* has no images"):
        export_samples(data, tmp_path / "none", "imagefolder")


def blobs(size=14, n=6):
    return arrays(np.int64, st.tuples(st.integers(1, size), st.integers(1, size)), elements=st.integers(0, n))


@given(blobs())
def test_t20_centroids_are_x_y_centres_of_mass_ids_contiguous_one_class_an_id(tmp_path_factory, blob) -> None:
    from scipy.io import loadmat
    from scipy.ndimage import center_of_mass

    names, instances = np.unique(blob, return_inverse=True)
    instances = instances.reshape(blob.shape) + (0 if names[0] == 0 else 1)
    instances = instances.astype(np.int32)
    n = int(instances.max())
    types = (np.arange(n) % 4 + 1).astype(np.uint8)
    data = toy(1, instances=instances, types=types, image=np.zeros((*blob.shape, 3), np.uint8))
    out = tmp_path_factory.mktemp("t20") / "out"
    export_samples(data, out, "consep")
    content = loadmat(out / "Train" / "Labels" / f"{data.ids[0]}.mat")
    assert {*np.unique(content["inst_map"]).tolist(), 0} == set(range(n + 1))
    assert content["inst_centroid"].shape == (n, 2)
    assert content["inst_type"].shape == (n, 1)
    for index in range(1, n + 1):
        y, x = center_of_mass(content["inst_map"] == index)
        assert np.abs(content["inst_centroid"][index - 1] - (x, y)).max() < 1e-6
        inside = content["type_map"][content["inst_map"] == index]
        assert set(inside.tolist()) == {int(content["inst_type"][index - 1, 0])}
    assert not content["type_map"][content["inst_map"] == 0].any()


def broken(data, **changes):
    data.samples[2] = replace(data.samples[2], **changes)
    return data


FAULTS = {
    "no nuclei": (lambda: broken(toy(), instances=None, types=None), "no instance map of 'train-0-2'"),
    "some untyped": (
        lambda: broken(toy(), types=None),
        "(Only some samples have classes|needs nuclei with classes).*'train-0-2'",
    ),
    "class above": (lambda: broken(toy(), types=np.full(99, 9, np.uint8)), "train-0-2"),
    "float image": (lambda: broken(toy(), image=np.zeros((48, 48, 3))), "uint8"),
    "one name": (lambda: broken(toy(), id="TRAIN-0-0"), "two samples give the same file name"),
    "no samples": (lambda: toy(0), "has no images"),
}


@pytest.mark.parametrize("format", NUCLEI)
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_left_of_an_export_that_fails(tmp_path, fault, format) -> None:
    make, said = FAULTS[fault]
    with pytest.raises(DataError, match=said):
        export_samples(make(), tmp_path / "out", format)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_leaves_nothing(tmp_path) -> None:
    part = part_of(toy())

    def stopped():
        yield part.samples().__next__()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_parts([replace(part, samples=stopped)], tmp_path / "out", "consep")
    assert list(tmp_path.iterdir()) == []


def test_what_lies_there_is_never_overwritten(tmp_path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("out", "file"):
        with pytest.raises(ConfigError, match="new or empty folder"):
            export_samples(toy(), tmp_path / name, "consep")
    assert (tmp_path / "out" / "mine.txt").read_text() == "x"
    (tmp_path / "empty").mkdir()
    export_samples(toy(), tmp_path / "empty", "consep")
    assert (tmp_path / "empty" / "README.txt").is_file()
    with pytest.raises(DataError, match="Cannot write"):
        export_samples(toy(), tmp_path / "file" / "below", "consep")


def test_an_unknown_format_lists_those_there_are(tmp_path) -> None:
    with pytest.raises(ConfigError, match="hovernet, consep, cellvit, imagefolder"):
        export_samples(toy(), tmp_path / "out", "yolo")


def test_sets_of_test_masks_and_changed_sets_are_refused(tmp_path) -> None:
    evaluation = seal(tmp_path / "evaluation", toy().samples, toy().info, use="evaluation")
    with pytest.raises(SealError, match="sealed for evaluation"):
        open_parts(str(evaluation), "all", None)
    changed = seal(tmp_path / "changed", toy().samples, toy().info)
    images = sorted((changed / "images").iterdir())
    images[1].write_bytes(images[0].read_bytes())
    with pytest.raises(SealError, match="train-0-1.png changed"):
        export_parts(open_parts(str(changed), "all", None), tmp_path / "out", "consep")
    assert not (tmp_path / "out").exists()


def test_names_of_datasets_sets_and_splits(tmp_path) -> None:
    assert [part.info.split for part in open_parts("phantom", "all", None)] == ["train", "test"]
    assert [part.info.split for part in open_parts("phantom", "test", None)] == ["test"]
    set_folder = seal(tmp_path / "set", toy().samples, toy().info)
    assert [(part.info.split, part.n) for part in open_parts(str(set_folder), "all", None)] == [("train", 4)]
    for name, split, said in (
        ("phantom", "validation", "phantom has no such split"),
        (str(set_folder), "test", "A synthetic set has only the split 'train'"),
        ("phantum", "all", "did you mean 'phantom'"),
        (str(tmp_path), "all", "There is no sealed synthetic set"),
    ):
        with pytest.raises(BenchError, match=said):
            open_parts(name, split, None)


def test_readme_says_what_official_code_does_to_the_classes(tmp_path) -> None:
    for format in FORMATS:
        export_samples(toy(), tmp_path / format, format)
        text = (tmp_path / format / "README.txt").read_text(encoding="utf-8")
        assert all(f"{index} {name}" in text for index, name in enumerate(CLASSES, 1))
        assert "0.5 micrometres" in text
    assert "merged already" in (tmp_path / "consep" / "README.txt").read_text(encoding="utf-8")
