"""PanNuke in its official layout: round trip, places, folds, division, and broken releases."""

from __future__ import annotations

import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bench.datasets.checks.verify import verify
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.prepared.write import prepare
from bench.datasets.readers.pannuke.source import PanNuke
from bench.datasets.splits.division import divide
from bench.errors import ConfigError, DataError, MissingError
from metrics.types import matching_radius
from tests.bench.datasets.layouts import Counted, others, shipped_card
from tests.bench.datasets.layouts_pannuke import N_PATCHES, TISSUES, channels, patch, write_fold, write_pannuke

FOLD_CARDS = {"pannuke-fold1": (1, 2, 3), "pannuke-fold2": (2, 1, 3), "pannuke-fold3": (3, 2, 1)}


def toy_source(root, name: str = "pannuke", **extra: object) -> PanNuke:
    """Open a toy release: a shipped card without the published counts."""
    card = shipped_card(name)
    expected = {"patches": N_PATCHES, "tissues": {}}
    return PanNuke(card.model_copy(update={"expected": {}, "extra": {**card.extra, **expected, **extra}}), root)


def everything(source: PanNuke) -> dict[str, object]:
    return {item.id: item for split in source.splits() for item in source.samples(split)}


def same(sample, written) -> None:
    np.testing.assert_array_equal(sample.image, written.image)
    np.testing.assert_array_equal(sample.instances, written.instances)
    np.testing.assert_array_equal(sample.types, written.types)


def warnings_of(source: PanNuke) -> list[str]:
    return [item.message for split in source.splits() for item in source.layout_findings(split)]


@pytest.mark.parametrize("name", ["pannuke", *FOLD_CARDS])
def test_every_patch_comes_back_as_written(tmp_path, name) -> None:
    truth = write_pannuke(tmp_path / "PanNuke")
    source = toy_source(tmp_path, name)
    found = everything(source)
    assert sorted(found) == sorted(truth)
    for sample_id, sample in found.items():
        same(sample, truth[sample_id])
        assert sample.group == sample_id
        assert sample.mpp == 0.25
    assert warnings_of(source) == []


def test_t16_float64_arrays_and_ids_a_channel_are_what_the_writer_wrote(tmp_path) -> None:
    truth = write_pannuke(tmp_path)
    base = tmp_path / "Fold 1"
    masks = np.load(base / "masks" / "fold1" / "masks.npy")
    images = np.load(base / "images" / "fold1" / "images.npy")
    assert masks.dtype == images.dtype == np.float64
    # ids are equal in several channels of a patch, or the round trip would prove nothing
    assert all((masks[row].reshape(-1, 6) == 1).any(axis=0)[:5].sum() >= 2 for row in range(len(masks)))
    assert {kind for item in truth.values() for kind in item.types.tolist()} == {1, 2, 3, 4, 5}


def test_t07_channels_are_kept_and_swapped_ones_are_reported(tmp_path) -> None:
    write_pannuke(tmp_path)
    for fold in N_PATCHES:
        path = tmp_path / f"Fold {fold}" / "images" / f"fold{fold}" / "images.npy"
        np.save(path, np.ascontiguousarray(np.load(path)[..., ::-1]))
    (message,) = warnings_of(toy_source(tmp_path))
    assert "red and blue swapped" in message


def test_t17_the_tissue_comes_along_for_scores_by_tissue(tmp_path) -> None:
    write_pannuke(tmp_path)
    for sample in toy_source(tmp_path).samples("train"):
        assert sample.tissue == TISSUES[int(sample.id[-4:]) % 3]


def test_t18_the_matching_radius_is_twelve_pixels_at_40x() -> None:
    assert matching_radius(shipped_card("pannuke").mpp) == 12.0


def test_t36_a_release_with_swapped_channels_is_refused_and_listed(tmp_path) -> None:
    write_pannuke(tmp_path)
    for fold in N_PATCHES:
        path = tmp_path / f"Fold {fold}" / "masks" / f"fold{fold}" / "masks.npy"
        np.save(path, np.load(path)[..., [5, 1, 2, 3, 4, 0]])
    source = toy_source(tmp_path)
    with pytest.raises(DataError, match=r"fold\d-\d{4} of .*masks\.npy"):
        list(source.samples("train"))
    report = verify(source)
    assert not report.ok
    assert all("background" in item.message for item in report.findings if item.severity == "error")


LAYOUTS = {
    "fold_1/Fold 1": ("fold_{0}/Fold {0}/images/fold{0}", "fold_{0}/Fold {0}/masks/fold{0}"),
    "fold1": ("fold{0}/images/fold{0}", "fold{0}/masks/fold{0}"),
    "no inner folder": ("Fold {0}/images", "Fold {0}/masks"),
    "flat": ("fold_{0}", "fold_{0}"),
    "no outer folder": ("images/fold{0}", "masks/fold{0}"),
    "upper case": ("FOLD-{0}/images/Fold {0}", "FOLD-{0}/masks/Fold_{0}"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_usual_ways_to_unpack_are_found(tmp_path, layout) -> None:
    images, masks = LAYOUTS[layout]
    truth = {}
    for fold, n in N_PATCHES.items():
        truth |= write_fold(tmp_path / images.format(fold), tmp_path / masks.format(fold), fold, n)
    (tmp_path / "__MACOSX" / "Fold 1").mkdir(parents=True)
    found = everything(toy_source(tmp_path))
    for sample_id, written in truth.items():
        same(found[sample_id], written)


@pytest.mark.parametrize(("name", "order"), list(FOLD_CARDS.items()))
def test_the_official_divisions_take_whole_folds(tmp_path, name, order) -> None:
    write_pannuke(tmp_path)
    source = toy_source(tmp_path, name)
    assert source.splits() == ("train", "validation", "test")
    for split, fold in zip(source.splits(), order, strict=True):
        assert source.ids(split) == [f"fold{fold}-{row:04d}" for row in range(N_PATCHES[fold])]
    published = {1: 2656, 2: 2523, 3: 2722}
    assert [shipped_card(name).expected[split].tiles for split in source.splits()] == [published[k] for k in order]


def test_the_default_division_is_eight_to_two_within_each_tissue(tmp_path) -> None:
    truth = write_pannuke(tmp_path)
    source = toy_source(tmp_path)
    parts = {split: source.ids(split) for split in ("train", "test")}
    assert sorted(parts["train"] + parts["test"]) == sorted(truth)
    assert {split: list(toy_source(tmp_path).ids(split)) for split in parts} == parts
    tissues = Counter(sample.tissue for sample in source.samples("test"))
    for tissue in TISSUES:
        total = sum(TISSUES[int(name[-4:]) % 3] == tissue for name in truth)
        assert abs(tissues[tissue] - 0.2 * total) <= 0.5


def test_published_sizes_agree_with_one_another() -> None:
    card = shipped_card("pannuke")
    tissues = card.extra["tissues"]
    assert sum(card.extra["patches"].values()) == sum(tissues.values()) == 7901
    assert len(tissues) == 19
    strata = [name for name, n in tissues.items() for _ in range(n)]
    _, test = divide([str(index) for index in range(7901)], card.divide, strata)
    assert abs(len(test) - 0.2 * 7901) < 10
    assert {strata[index] for index in test} == set(tissues)


def test_patches_without_nuclei_are_worth_a_line_and_no_error(tmp_path) -> None:
    write_pannuke(tmp_path, empty=(0, 3))
    source = toy_source(tmp_path)
    report = verify(source)
    assert report.ok
    lines = [item for item in report.findings if item.message == "no nucleus is annotated"]
    assert [(item.severity, item.file) for item in lines] == [("info", "6 files, the first fold1-0000")]


def test_verification_counts_what_was_written(tmp_path) -> None:
    truth = write_pannuke(tmp_path)
    report = verify(toy_source(tmp_path))
    assert report.ok
    assert others(report) == []
    kinds = Counter(kind for item in truth.values() for kind in item.types.tolist())
    names = shipped_card("pannuke").classes
    total = sum((Counter(split.nuclei) for split in report.splits.values()), Counter())
    assert total == {names[kind]: n for kind, n in kinds.items()}
    assert sum(split.tiles for split in report.splits.values()) == len(truth)


def test_sizes_that_differ_from_the_release_are_reported_once(tmp_path) -> None:
    write_pannuke(tmp_path)
    messages = warnings_of(toy_source(tmp_path, patches={1: 10, 2: 9}, tissues={"Breast": 11, "Colon": 10, "Liver": 2}))
    # a shuffled or shortened types.npy would change the division
    assert messages == [f"{n} patches instead of the published {there}" for n, there in ((8, 9), (9, 0), (0, 2))]


def fold_two(root, name: str):
    return next((root / "Fold 2").rglob(f"{name}.npy"))


def breakages():
    def cut(root):
        path = fold_two(root, "masks")
        path.write_bytes(path.read_bytes()[:-9])

    def save(name, change):
        def apply(root):
            path = fold_two(root, name)
            np.save(path, change(np.load(path)), allow_pickle=True)

        return apply

    yield "cut", cut
    yield "absent", lambda root: fold_two(root, "masks").unlink()
    yield "no fold", lambda root: shutil.rmtree(root / "Fold 2")
    yield "shorter", save("images", lambda a: a[:-1])
    yield "shape", save("masks", lambda a: a[..., :5])
    yield "size", save("masks", lambda a: a[:, :-1])
    yield "names", save("types", lambda a: a[:-1])
    yield "pickled names", save("types", lambda a: a.astype(object))
    yield "no tissue", save("types", lambda a: np.where(np.arange(len(a)) == 2, "", a))


@pytest.mark.parametrize(("kind", "break_it"), list(breakages()))
def test_a_broken_fold_stops_a_run_and_is_listed(tmp_path, kind, break_it) -> None:
    write_pannuke(tmp_path)
    break_it(tmp_path)
    source = toy_source(tmp_path)
    with pytest.raises(DataError, match="is not complete"):
        list(source.samples("train"))
    report = verify(source)
    assert {item.file for item in report.findings if item.severity == "error"} == {"fold 2"}
    official = toy_source(tmp_path, "pannuke-fold2")  # trains on fold 2; fold 3, its test split, is whole
    assert len(list(official.samples("test"))) == N_PATCHES[3]
    with pytest.raises(DataError, match="fold 2"):
        official.samples("train")


@pytest.mark.parametrize("value", [0.5, 300.0, -1.0])
def test_t08_fractional_pixels_and_those_out_of_range_name_the_patch(tmp_path, value) -> None:
    write_pannuke(tmp_path)
    path = fold_two(tmp_path, "images")
    images = np.load(path)
    images[5, 3, 3, 0] = value
    np.save(path, images)
    source = toy_source(tmp_path, "pannuke-fold2")
    with pytest.raises(DataError, match="fold2-0005"):
        source.read("train", 5)
    tally = source.inspect("train", 5)
    assert [item.severity for item in tally.findings] == ["error"]
    assert source.inspect("train", 4).findings == ()


def test_nothing_there_says_where_and_how(tmp_path) -> None:
    (tmp_path / "images").mkdir()
    np.save(tmp_path / "images" / "images.npy", np.zeros((2, 8, 8, 3)))  # of some other dataset
    with pytest.raises(MissingError) as caught:
        toy_source(tmp_path).locate()
    assert "fold_1.zip" in caught.value.fix


def test_cards_that_do_not_fit_are_refused(tmp_path) -> None:
    write_pannuke(tmp_path)
    with pytest.raises(ConfigError, match="splits"):
        toy_source(tmp_path, folds={"train": [1], "test": [2], "other": [3]})
    with pytest.raises(ConfigError):
        toy_source(tmp_path, folds={"train": [1, 2], "test": [2]})
    with pytest.raises(ConfigError):
        toy_source(tmp_path, folds={"train": [1], "test": [4]})
    with pytest.raises(ConfigError, match="did you mean 'folds'"):
        toy_source(tmp_path, fold={})
    own = toy_source(tmp_path, folds={"train": [1, 2], "test": [3]})  # two folds to train on
    assert len(own.ids("train")) == 18
    with pytest.raises(ConfigError, match="use one of: train, test"):
        own.ids("validation")


def test_the_fingerprint_reads_no_array_and_moves_with_the_files(tmp_path) -> None:
    write_pannuke(tmp_path / "pannuke")
    source = toy_source(tmp_path)
    before = source.fingerprint()
    assert len(before["files"]) == 9
    assert len(toy_source(tmp_path, folds={"train": [1], "test": [3]}).files()) == 6
    fold_two(tmp_path / "pannuke", "masks").write_bytes(b"not an array")
    assert toy_source(tmp_path).fingerprint() != before


def test_many_threads_read_the_same_as_one(tmp_path) -> None:
    truth = write_pannuke(tmp_path)
    source = toy_source(tmp_path, "pannuke-fold3")
    order = [index % N_PATCHES[3] for index in range(100)]
    with ThreadPoolExecutor(8) as pool:
        for sample in pool.map(lambda index: source.read("train", index), order):
            same(sample, truth[sample.id])


def test_a_prepared_split_holds_the_same(tmp_path) -> None:
    truth = write_pannuke(tmp_path / "data", empty=(1,))
    source = toy_source(tmp_path / "data", "pannuke-fold1")
    prepare(source, "train", None, tmp_path / "out", Counted())
    dataset = PreparedDataset(tmp_path / "out")
    assert list(dataset.ids) == [f"fold1-{row:04d}" for row in range(10)]
    for index in range(10):
        same(dataset[index], truth[dataset.ids[index]])


def test_channels_and_patches_of_the_writer_agree() -> None:
    _, instances, types = patch(3, 48)
    masks = channels(instances, types)
    assert (masks[..., :5] > 0).sum(axis=2).max() == 1
    np.testing.assert_array_equal(masks[..., 5], instances == 0)
    assert (np.diff(types.astype(int)) >= 0).all()
