"""Sealed synthetic sets: round trip, resumption, provenance, tampering."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Condition, Sample, SampleRecord
from bench.digest import digest as hash_of
from bench.errors import SealError
from bench.imageio import read_rgb, write_instances, write_png
from bench.synthetic import SyntheticSet, SyntheticSetWriter, sample_digest, verify_set
from tests import toy

DATA = toy.NucleiDataset(n_tiles=3, size=48)
GROUPS = dict(zip(DATA.ids, DATA.groups, strict=True))


def condition(index: int, **changes: object) -> Condition:
    sample = DATA[index]
    made = Condition(
        id=f"{sample.id}_{index:04d}",
        kind="copy",
        seed=index,
        instances=sample.instances,
        types=sample.types,
        caption="a caption",
        sources={"train": sample.id},
        crop=(0, 0),
        recipe={"donors": [1, 2]},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def seal(folder: Path, conditions: list[Condition]) -> str:
    writer = SyntheticSetWriter(folder, DATA.info, GROUPS)
    for index, item in enumerate(conditions):
        writer.write(index, item, DATA[index].image)
    return writer.seal(len(conditions), {"method": "copy", "dataset": "toy", "seed": 0})


def test_round_trip(tmp_path: Path) -> None:
    digest = seal(tmp_path, [condition(0), condition(1)])
    opened = verify_set(tmp_path)
    assert opened.digest == digest
    assert len(opened) == 2
    assert list(opened.groups) == [DATA.groups[0], DATA.groups[1]]
    assert opened.info.classes == DATA.info.classes
    assert opened.info.split == "synthetic"
    assert opened.manifest["mpp"] == DATA.info.mpp
    assert opened.manifest["encoding"]["files"] == {"PNG": 2}
    assert opened.manifest["encoding"]["jpeg_traces"] == {"images": 2, "found": 0, "quality": None}
    for index, sample in enumerate(opened):
        original = DATA[index]
        assert isinstance(sample, Sample)
        np.testing.assert_array_equal(sample.image, original.image)
        np.testing.assert_array_equal(sample.instances, original.instances)
        np.testing.assert_array_equal(sample.types, original.types)
        assert sample.caption == "a caption"
    assert opened.metadata[0].recipe == {"donors": [1, 2]}
    assert opened.metadata[0].crop == (0, 0)
    assert opened.metadata[0].sources == {"train": DATA.ids[0]}
    assert opened.records == [SampleRecord.of(sample, len(DATA.info.classes)) for sample in opened]


def test_a_tissue_is_kept_and_changes_no_digest(tmp_path: Path) -> None:
    plain, told = (seal(tmp_path / str(tissue), [condition(0, tissue=tissue)]) for tissue in (None, "colon"))
    assert plain == told
    opened = verify_set(tmp_path / "colon")
    assert (opened.metadata[0].tissue, opened.records[0].tissue, opened[0].tissue) == ("colon",) * 3
    assert "1 of 1 with a tissue" in opened.summary()


@pytest.mark.parametrize(("role", "use"), [("test", "training"), ("train", "evaluation")])
def test_a_source_has_the_role_that_the_use_of_a_set_allows(tmp_path: Path, role: str, use: str) -> None:
    writer = SyntheticSetWriter(tmp_path, DATA.info, GROUPS)
    writer.write(0, condition(0, sources={role: DATA.ids[0]}), DATA[0].image)
    with pytest.raises(SealError, match="A source is not a"):
        writer.seal(1, {"use": use})


def test_a_source_of_another_role_is_kept_and_gives_no_group(tmp_path: Path) -> None:
    seal(tmp_path, [condition(0, sources={"text": "caption-17"}, crop=None)])
    opened = verify_set(tmp_path)
    assert opened.metadata[0].sources == {"text": "caption-17"}
    assert (opened.metadata[0].tile, opened.groups) == (None, [opened.ids[0]])


@pytest.mark.parametrize("use", ["training", "evaluation"])
def test_sets_of_schema_1_still_open(tmp_path: Path, use: str) -> None:
    digest = _write_schema_1(tmp_path, use)
    opened = verify_set(tmp_path)
    assert opened.digest == digest
    first, second = opened.metadata
    assert first.sources == {"training": {"train": DATA.ids[0]}, "evaluation": {"test": DATA.ids[0]}}[use]
    assert (first.crop, first.instances, first.tissue) == ((3, 4), True, None)
    assert (second.sources, second.instances, second.types) == ({}, False, None)
    assert opened.info.tissues == ()
    assert opened.records == [SampleRecord.of(sample, len(DATA.info.classes)) for sample in opened]
    write_png(tmp_path / "images" / "a.png", DATA[1].image)
    with pytest.raises(SealError, match="changed after it was sealed"):
        verify_set(tmp_path)


def _write_schema_1(folder: Path, use: str) -> str:
    """Write two samples as the first version of sets had them; the second has no labels."""
    first = Sample("a", DATA[0].image, "slide-0", 0.5, DATA[0].instances, DATA[0].types, caption="a caption")
    second = Sample("b", DATA[1].image, "b", 0.5, label=2)
    for name in ("images", "instances"):
        (folder / name).mkdir(parents=True)
    write_instances(folder / "instances" / "a.png", DATA[0].instances)
    said = ({"source": DATA.ids[0], "crop": [3, 4]}, {"source": None, "crop": None, "instances": False})
    lines = []
    for sample, more in zip((first, second), said, strict=True):
        write_png(folder / "images" / f"{sample.id}.png", sample.image)
        types = None if sample.types is None else sample.types.tolist()
        line = {"file_name": f"images/{sample.id}.png", "kind": "copy", "recipe": {}, "seed": 0, "types": types}
        line |= {"group": sample.group, "label": sample.label, "caption": sample.caption}
        lines.append({**line, **more, "sha256": sample_digest(sample)})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    total = hash_of([line["sha256"] for line in lines])
    info = {name: value for name, value in vars(DATA.info).items() if name != "tissues"}
    manifest = {"schema_version": 1, "n": 2, "digest": total, "info": {**info, "split": "synthetic"}, "use": use}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return total


def test_opens_with_the_image_folder_layout(tmp_path: Path) -> None:
    seal(tmp_path, [condition(0)])
    line = json.loads((tmp_path / "metadata.jsonl").read_text().splitlines()[0])
    assert (tmp_path / line["file_name"]).exists()
    assert {"file_name", "sources", "crop", "kind", "recipe", "group", "caption", "label", "types", "sha256"} <= set(
        line
    )


def test_rewritten_samples_seal_to_the_same_digest(tmp_path: Path) -> None:
    whole = seal(tmp_path / "a", [condition(0), condition(1)])
    first = SyntheticSetWriter(tmp_path / "b", DATA.info, GROUPS)
    first.write(0, condition(0), DATA[0].image)
    second = SyntheticSetWriter(tmp_path / "b", DATA.info, GROUPS)
    assert second.has(0)
    assert not second.has(1)
    second.write(1, condition(1), DATA[1].image)
    assert second.seal(2, {"method": "copy", "dataset": "toy", "seed": 0}) == whole


def test_a_source_outside_the_training_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="training sample"):
        seal(tmp_path, [condition(0, sources={"train": "test-0-0"})])


def test_two_samples_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="share an id"):
        seal(tmp_path, [condition(0, id="x"), condition(1, id="x")])


@pytest.mark.parametrize("what", ["image", "instances", "types", "caption", "group", "tissue", "sources", "set"])
def test_verify_finds_what_was_changed(tmp_path: Path, what: str) -> None:
    seal(tmp_path, [condition(0), condition(1)])
    name = condition(0).id
    metadata = tmp_path / "metadata.jsonl"
    lines = [json.loads(line) for line in metadata.read_text().splitlines()]
    if what == "image":
        image = read_rgb(tmp_path / "images" / f"{name}.png")
        image[0, 0, 0] ^= 1
        write_png(tmp_path / "images" / f"{name}.png", image)
    elif what == "instances":
        write_png(tmp_path / "instances" / f"{name}.png", np.zeros((48, 48), np.uint16))
    elif what == "types":
        lines[0]["types"][0] = lines[0]["types"][0] % 4 + 1
    elif what == "caption":
        lines[0]["caption"] = "another"
    elif what in ("group", "tissue"):
        lines[0][what] = "another"
    elif what == "sources":
        lines[0][what] = {"train": DATA.ids[1]}
    else:
        lines = lines[::-1]
    metadata.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(SealError):
        verify_set(tmp_path)


def test_no_manifest_and_newer_schema_are_explained(tmp_path: Path) -> None:
    with pytest.raises(SealError, match=r"manifest\.json|sealed"):
        SyntheticSet(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"schema_version": 999}))
    with pytest.raises(SealError) as caught:
        SyntheticSet(tmp_path)
    assert "upgrade" in caught.value.fix
