"""CoNIC in its official layout: round trip, groups, tables, and broken releases."""

from __future__ import annotations

import csv
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bench.datasets.checks.verify import verify
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.prepared.write import prepare
from bench.datasets.readers.conic import CoNIC, source_of_patch
from bench.errors import ConfigError, DataError, MissingError
from metrics.types import matching_radius
from tests.bench.datasets.layouts import Counted, others, shipped_card
from tests.bench.datasets.layouts_conic import CLASSES, SOURCES, write_conic, write_rows

N = sum(SOURCES.values())
EMPTY = "pannuke_7-0001"


def toy_source(root, **extra: object) -> CoNIC:
    card = shipped_card("conic")
    return CoNIC(card.model_copy(update={"extra": {**card.extra, "patches": N, **extra}}), root)


def everything(source: CoNIC) -> dict[str, object]:
    return {item.id: item for split in source.splits() for item in source.samples(split)}


def same(sample, written) -> None:
    np.testing.assert_array_equal(sample.image, written.image)
    np.testing.assert_array_equal(sample.instances, written.instances)
    np.testing.assert_array_equal(sample.types, written.types)


def table(path) -> list[list[str]]:
    with path.open(newline="") as handle:
        return list(csv.reader(handle))


def messages(source: CoNIC) -> list[str]:
    return [item.message for split in source.splits() for item in source.layout_findings(split)]


def odd_tallies(source: CoNIC) -> dict[str, list[tuple[str, str]]]:
    tallies = [source.inspect(split, i) for split in source.splits() for i in range(len(source.ids(split)))]
    return {tally.id: [(item.severity, item.message) for item in tally.findings] for tally in tallies if tally.findings}


def test_every_patch_comes_back_as_written(tmp_path) -> None:
    truth = write_conic(tmp_path / "CoNIC")
    source = toy_source(tmp_path)
    found = everything(source)
    assert sorted(found) == sorted(truth)
    for name, sample in found.items():
        same(sample, truth[name])
        assert sample.group == name.rsplit("-", 1)[0]
        assert (sample.mpp, sample.tissue) == (0.5, "colon")
    assert {kind for item in truth.values() for kind in item.types.tolist()} == {1, 2, 3, 4, 5, 6}
    assert messages(source) == []


def test_a_source_stands_in_one_split_and_tests_on_a_fifth(tmp_path) -> None:
    write_conic(tmp_path)
    source = toy_source(tmp_path)
    groups = {split: {item.group for item in source.samples(split)} for split in ("train", "test")}
    assert not groups["train"] & groups["test"]
    assert groups["train"] | groups["test"] == set(SOURCES)
    assert abs(len(source.ids("test")) - 0.2 * N) <= max(SOURCES.values())
    assert source.ids("test") == toy_source(tmp_path).ids("test")


def test_the_source_is_the_name_up_to_its_last_dash() -> None:
    assert source_of_patch("dpath_12-0001") == "dpath_12"
    assert source_of_patch("TCGA-AA-3831_2-0010") == "TCGA-AA-3831_2"


def test_verification_counts_what_was_written_and_lists_the_empty_patch(tmp_path) -> None:
    truth = write_conic(tmp_path)
    report = verify(toy_source(tmp_path))
    assert [(item.severity, item.file, item.message) for item in others(report)] == [
        ("info", EMPTY, "no nucleus is annotated")
    ]
    kinds = Counter(kind for item in truth.values() for kind in item.types.tolist())
    total = sum((Counter(split.nuclei) for split in report.splits.values()), Counter())
    assert total == {CLASSES[kind - 1]: n for kind, n in kinds.items()}


def test_t06_counts_are_found_by_the_name_of_their_class(tmp_path) -> None:
    write_conic(tmp_path, columns=("lymphocyte", "epithelial", "connective", "plasma", "neutrophil", "eosinophil"))
    assert list(odd_tallies(toy_source(tmp_path))) == [EMPTY]
    # a column that others add is passed over; values under the wrong name are not
    rows = table(tmp_path / "counts.csv")
    write_rows(tmp_path / "counts.csv", [[*row, "split" if not i else "train"] for i, row in enumerate(rows)])
    assert list(odd_tallies(toy_source(tmp_path))) == [EMPTY]
    write_rows(tmp_path / "counts.csv", [list(CLASSES), *rows[1:]])
    assert len(odd_tallies(toy_source(tmp_path))) > N / 2


def test_counts_leave_out_nuclei_that_lie_in_the_border(tmp_path) -> None:
    write_conic(tmp_path)
    assert len(odd_tallies(toy_source(tmp_path, counts_border=0))) > N / 2


def test_a_count_that_does_not_agree_names_the_patch(tmp_path) -> None:
    write_conic(tmp_path)
    rows = table(tmp_path / "counts.csv")
    rows[3][4] = str(int(rows[3][4]) + 1)
    write_rows(tmp_path / "counts.csv", rows)
    odd = odd_tallies(toy_source(tmp_path))
    assert sorted(odd) == ["consep_1-0002", EMPTY]
    ((severity, message),) = odd["consep_1-0002"]
    assert severity == "warning"
    assert f"counts.csv says {rows[3][0]} neutrophil" in message


@pytest.mark.parametrize("kind", ["absent", "short", "words", "no class", "empty"])
def test_a_table_of_counts_that_is_of_no_use_is_a_warning_and_nothing_more(tmp_path, kind) -> None:
    write_conic(tmp_path)
    path = tmp_path / "counts.csv"
    rows = table(path)
    if kind == "absent":
        path.unlink()
    else:
        changed = {
            "short": rows[:-1],
            "words": [*rows[:-1], ["many"] * 6],
            "no class": [row[1:] for row in rows],
            "empty": [],
        }
        write_rows(path, changed[kind])
    source = toy_source(tmp_path)
    assert [item.severity for item in source.layout_findings("train")] == ["warning"]
    assert len(everything(source)) == N
    assert verify(source).ok


def test_t07_swapped_channels_are_reported(tmp_path) -> None:
    write_conic(tmp_path)
    np.save(tmp_path / "images.npy", np.ascontiguousarray(np.load(tmp_path / "images.npy")[..., ::-1]))
    (message,) = messages(toy_source(tmp_path))
    assert "red and blue swapped" in message


@pytest.mark.parametrize("channel", [0, 1])
def test_t08_fractional_labels_name_the_patch(tmp_path, channel) -> None:
    truth = write_conic(tmp_path)
    labels = np.load(tmp_path / "labels.npy").astype(np.float32)
    np.save(tmp_path / "labels.npy", labels)
    source = toy_source(tmp_path)
    row = list(source.ids("train")).index("consep_1-0001")
    same(source.read("train", row), truth["consep_1-0001"])  # whole floats are taken
    labels[1, 4, 4, channel] = 0.5
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(DataError, match="consep_1-0001"):
        toy_source(tmp_path).read("train", row)


def test_t18_the_matching_radius_is_six_pixels_at_20x() -> None:
    assert matching_radius(shipped_card("conic").mpp) == 6.0


def test_a_class_beyond_the_six_and_a_nucleus_of_two_classes_are_refused(tmp_path) -> None:
    write_conic(tmp_path)
    path = tmp_path / "labels.npy"
    whole = np.load(path)
    beyond, mixed = whole.copy(), whole.copy()
    beyond[0, ..., 1][beyond[0, ..., 0] == 1] = 7
    rows, columns = np.nonzero(mixed[0, ..., 0] == 1)
    mixed[0, rows[0], columns[0], 1] = mixed[0, rows[0], columns[0], 1] % 6 + 1
    for labels, said in ((beyond, r"\[7\]"), (mixed, "several classes")):
        np.save(path, labels)
        source = toy_source(tmp_path)
        split = "train" if "consep_1-0000" in source.ids("train") else "test"
        index = list(source.ids(split)).index("consep_1-0000")
        with pytest.raises(DataError, match=said):
            source.read(split, index)
        assert [item.severity for item in source.inspect(split, index).findings] == ["error"]


def cut(root) -> None:
    path = root / "labels.npy"
    path.write_bytes(path.read_bytes()[:-9])


def saved(name, change):
    return lambda root: np.save(root / name, change(np.load(root / name)), allow_pickle=True)


def named(change):
    return lambda root: write_rows(root / "patch_info.csv", change(table(root / "patch_info.csv")))


BREAKAGES = {
    "truncated": cut,
    "fewer labels": saved("labels.npy", lambda a: a[:-1]),
    "shape": saved("labels.npy", lambda a: a[..., 0]),
    "size": saved("images.npy", lambda a: a[:, :-1]),
    "objects": saved("labels.npy", lambda a: a.astype(object)),
    "names short": named(lambda rows: rows[:-1]),
    "names long": named(lambda rows: [*rows, ["glas_9-0000"]]),
    "names doubled": named(lambda rows: [*rows[:-1], rows[1]]),
    "names plain": named(lambda rows: [rows[0], *([f"patch{i}"] for i in range(N))]),
    "no header": named(lambda rows: rows[1:]),
    "no names": lambda root: (root / "patch_info.csv").unlink(),
}


@pytest.mark.parametrize("kind", BREAKAGES)
def test_a_broken_release_stops_a_run_and_is_listed(tmp_path, kind) -> None:
    write_conic(tmp_path)
    BREAKAGES[kind](tmp_path)
    source = toy_source(tmp_path)
    with pytest.raises(DataError, match="is not complete"):
        source.samples("train")
    report = verify(source)
    assert not report.ok
    assert all(str(tmp_path) in item.message for item in report.findings if item.severity == "error")


def test_absent_arrays_say_where_and_how(tmp_path) -> None:
    write_conic(tmp_path / "conic")
    (tmp_path / "conic" / "labels.npy").unlink()
    with pytest.raises(MissingError) as caught:
        toy_source(tmp_path).locate()
    assert "conic-challenge" in caught.value.fix


def test_a_release_of_another_size_and_an_unknown_setting(tmp_path) -> None:
    write_conic(tmp_path)
    assert messages(toy_source(tmp_path, patches=4981)) == [f"{N} patches instead of the published 4981"]
    with pytest.raises(ConfigError, match="did you mean 'patches'"):
        toy_source(tmp_path, patch=3)
    with pytest.raises(ConfigError, match="use one of: train, test"):
        toy_source(tmp_path).ids("validation")


def test_the_fingerprint_moves_with_each_of_the_four_files(tmp_path) -> None:
    write_conic(tmp_path)
    before = toy_source(tmp_path).fingerprint()
    assert len(before["files"]) == 4
    for path in sorted(tmp_path.iterdir()):
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        assert toy_source(tmp_path).fingerprint() != before
        path.write_bytes(content)


def test_many_threads_read_the_same_as_one_and_so_does_a_prepared_split(tmp_path) -> None:
    truth = write_conic(tmp_path / "conic")
    source = toy_source(tmp_path)
    n = len(source.ids("train"))
    with ThreadPoolExecutor(8) as pool:
        for sample in pool.map(lambda index: source.read("train", index % n), range(100)):
            same(sample, truth[sample.id])
    prepare(source, "train", None, tmp_path / "out", Counted())
    dataset = PreparedDataset(tmp_path / "out")
    assert list(dataset.ids) == list(source.ids("train"))
    for index in range(n):
        same(dataset[index], truth[dataset.ids[index]])
