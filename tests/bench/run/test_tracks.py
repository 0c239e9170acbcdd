"""Runs on datasets that no network is made for, and the data of roles of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.errors import ConfigError, MissingError
from bench.plan.checks import stop_if_missing
from bench.results.table import read_rows
from bench.run.missing import find_missing
from bench.run.pipeline import run_request
from bench.run.resolve import resolve
from tests.bench.conftest import request
from tests.bench.datasets.layouts_images import write_csv, write_picture


@pytest.fixture(scope="module")
def captions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The card of a few captioned images, one caption without its image."""
    folder = tmp_path_factory.mktemp("captions")
    rows = [
        {"image": f"{split}-{index}.png", "caption": f"glands, {index}", "split": split, "tissue": "colon"}
        for split in ("train", "test")
        for index in range(6)
    ]
    for seed, row in enumerate(rows):
        write_picture(folder / "mine" / row["image"], seed)
    rows.append({"image": "absent.png", "caption": "no image of this one", "split": "train", "tissue": "colon"})
    write_csv(folder / "mine" / "captions.csv", rows)
    extra = {"captions": "captions.csv", "split": "split", "tissue": "tissue"}
    card = {
        "extends": "image-caption",
        "source": "image-caption",
        "generic": False,
        "folders": ["mine"],
        "extra": extra,
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(card))
    return folder / "mine.yaml"


def test_captioned_images_have_distances_and_no_network(captions: Path, tmp_path: Path) -> None:
    asked = request(tmp_path / "store", method="copy", dataset=str(captions), data_root=captions.parent)
    resolved = resolve(asked)
    assert resolved.networks == []
    outcome = run_request(asked)
    rows = read_rows(list((outcome.store / "results").rglob("*.parquet")))
    scores = rows[rows["kind"] != "cost"]
    assert set(scores["downstream"]) == {""}
    copies = scores[scores["method"] == "copy"]
    assert {"fd@random-convnet", "colour_fd"} <= set(copies["metric"])
    assert copies["value"].notna().any()
    distances = copies[~copies["metric"].str.startswith(("test_copies", "test_nearness"))]
    assert distances["reason"].str.contains("no network is made for a dataset of captions").all()


def test_a_method_or_a_network_of_another_track_is_refused(captions: Path, tmp_path: Path) -> None:
    asked = request(tmp_path, method="sdm", dataset=str(captions), data_root=captions.parent, downstream=("vit",))
    with pytest.raises(MissingError) as caught:
        stop_if_missing(find_missing(resolve(asked)))
    assert "The method 'sdm' needs a dataset of nuclei: mine, a dataset of captions" in caught.value.got
    assert "The downstream network 'vit' needs a dataset of tissue classes" in caught.value.got
    assert "phantom-tissue" in caught.value.fix


def test_data_of_a_role_is_one_way_or_the_other(captions: Path, tmp_path: Path) -> None:
    ways = ({"data": {"text": str(captions)}}, {"text_dataset": str(captions)})
    first, second = (request(tmp_path, method="copy", **way) for way in ways)
    assert first == second
    resolved = resolve(first)
    assert {role: source.card.name for role, source in resolved.others.items()} == {"text": "mine"}
    assert find_missing(resolved) == []  # copy does not read captions
    with pytest.raises(ConfigError, match="Two datasets are given for the role 'text'"):
        request(tmp_path, data={"text": "pathcap"}, text_dataset="pathcap-he")


def test_a_role_that_no_method_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No method of this run reads data of the role") as caught:
        resolve(request(tmp_path, method="more-real", data={"txet": "pathcap"}))
    assert caught.value.got == "'txet'"
    assert "fresh" in caught.value.fix


def test_a_dataset_without_a_test_split_is_refused_before_any_work(tmp_path: Path) -> None:
    write_picture(tmp_path / "mine" / "a.png", 0)
    extra = {"sources": [{"name": "mine", "folder": "mine"}]}
    card = {"extends": "image-pool", "source": "image-pool", "generic": False, "extra": extra}
    (tmp_path / "pool.yaml").write_text(yaml.safe_dump(card))
    asked = request(tmp_path / "store", method="copy", dataset=str(tmp_path / "pool.yaml"), data_root=tmp_path)
    with pytest.raises(MissingError, match="has no test split") as caught:
        run_request(asked)
    assert caught.value.got == "pool, which has train"
    assert "--data pool=NAME" in caught.value.fix
    assert not (tmp_path / "store").exists()
