"""Sealed synthetic sets: round trip, resumption, provenance, tampering."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Condition, Sample
from bench.errors import SealError
from bench.imageio import read_rgb, write_png
from bench.synthetic import SyntheticSet, SyntheticSetWriter, verify_set
from tests import toy

DATA = toy.NucleiDataset(n_tiles=3, size=48)
GROUPS = dict(zip(DATA.ids, DATA.groups, strict=True))


def condition(index: int, **changes: object) -> Condition:
    sample = DATA[index]
    made = Condition(
        f"{sample.id}_{index:04d}",
        sample.instances,
        sample.types,
        None,
        "a caption",
        sample.id,
        (0, 0),
        "copy",
        {"donors": [1, 2]},
        index,
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
    for index, sample in enumerate(opened):
        original = DATA[index]
        assert isinstance(sample, Sample)
        np.testing.assert_array_equal(sample.image, original.image)
        np.testing.assert_array_equal(sample.instances, original.instances)
        np.testing.assert_array_equal(sample.types, original.types)
        assert sample.caption == "a caption"
    assert opened.metadata[0]["recipe"] == {"donors": [1, 2]}
    assert opened.metadata[0]["crop"] == [0, 0]


def test_opens_with_the_image_folder_layout(tmp_path: Path) -> None:
    seal(tmp_path, [condition(0)])
    line = json.loads((tmp_path / "metadata.jsonl").read_text().splitlines()[0])
    assert (tmp_path / line["file_name"]).exists()
    assert {"file_name", "source", "crop", "kind", "recipe", "group", "caption", "label", "types", "sha256"} <= set(
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
        seal(tmp_path, [condition(0, source="test-0-0")])


def test_two_samples_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="id of its own"):
        seal(tmp_path, [condition(0, id="x"), condition(1, id="x")])


@pytest.mark.parametrize("what", ["image", "instances", "types", "caption", "set"])
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
