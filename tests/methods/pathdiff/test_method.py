"""The five methods: what they plan and draw, which parts they share, and what stays as it was."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.contract import Condition, Dataset
from bench.errors import DataError
from methods.pathdiff import ControlNetM, ControlNetT, PathDiffM, PathDiffMT, PathDiffT
from methods.pathdiff.config import MASK_CAPTION, PathDiffConfig
from methods.pathdiff.method import LatentControl
from tests import toy
from tests.methods.pathdiff.settings import datasets, fit_all, tiny
from tests.toy_tissue import TissueDataset

METHODS = (ControlNetM, ControlNetT, PathDiffM, PathDiffT, PathDiffMT)
RUN = toy.Run()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return fit_all(PathDiffMT(tiny()), tmp_path_factory.mktemp("parts"))


def planned(kind: type[LatentControl], n: int = 6, data: dict[str, Dataset] | None = None) -> list[Condition]:
    given = datasets() if data is None else data
    return list(kind(tiny()).plan(given, n, np.random.default_rng(0)))


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@pytest.mark.parametrize("kind", METHODS)
def test_conditions_show_what_the_method_says(kind: type[LatentControl]) -> None:
    conditions = planned(kind)
    assert len(conditions) == 6
    for condition in conditions:
        assert (condition.instances is not None) == ("mask" in kind.conditions)
        assert (condition.caption is not None) == ("text" in kind.conditions)
        assert ("train" in condition.sources) == ("mask" in kind.conditions)
        assert ("text" in condition.sources) == ("text" in kind.conditions)
    assert len({condition.seed for condition in conditions}) == 6


def test_pairs_of_masks_and_captions_are_kept_and_repeat() -> None:
    one, two = planned(PathDiffMT), planned(PathDiffMT)
    pairs = [(each.sources["train"], each.sources["text"]) for each in one]
    assert pairs == [(each.sources["train"], each.sources["text"]) for each in two]
    texts = datasets()["text"]
    captions = dict(zip(texts.ids, (record.caption for record in texts.records), strict=True))
    assert all(each.caption == captions[each.sources["text"]] for each in one)
    assert not {train for train, _ in pairs} & {text for _, text in pairs}


def test_a_dataset_of_captions_takes_masks_from_a_partner() -> None:
    text = datasets()["text"]
    tissue = TissueDataset(n_tiles=4, size=32)
    with pytest.raises(DataError, match="no masks"):
        planned(PathDiffM, data={"train": tissue, "text": text})
    found = planned(PathDiffM, data={"train": tissue, "text": text, "mask": toy.NucleiDataset(2, 32)})
    assert all("mask" in condition.sources for condition in found)
    assert planned(PathDiffT, data={"train": text, "text": text})[0].sources["text"] in text.ids


@pytest.mark.parametrize("kind", METHODS)
def test_captions_that_the_network_gets(kind: type[LatentControl]) -> None:
    method, (condition, *_) = kind(tiny()), planned(kind)
    expected = {"ControlNetM": MASK_CAPTION, "PathDiffM": ""}.get(kind.__name__, "discs on pink")
    assert method.caption_of(condition, datasets()) == expected


def test_a_test_mask_gets_an_unrelated_caption_by_its_seed() -> None:
    method, data = PathDiffMT(tiny()), datasets()
    asked = [Condition(id=str(seed), kind="test-mask", seed=seed, caption="its own") for seed in range(4)]
    assert {method.caption_of(one, data) for one in asked} == {"discs on pink"}


def test_who_shows_captions_shows_test_captions_as_they_are() -> None:
    asked = Condition(id="c", kind="test-caption", seed=0, caption="its own")
    for kind in METHODS:
        method = kind(tiny())
        assert method.draws_any_caption == ("text" in method.conditions)
        assert (method.caption_of(asked, datasets()) == "its own") == method.draws_any_caption


def test_all_methods_share_the_backbone_and_pathdiff_its_branch() -> None:
    parts = {kind.__name__: {part.name: part for part in kind(tiny()).parts()} for kind in METHODS}
    for name in ("caption-encoder", "autoencoder", "text-diffusion"):
        assert len({each[name].config.model_dump_json() for each in parts.values()}) == 1
    branch = {name: each["control"].config.model_dump_json() for name, each in parts.items()}
    assert branch["PathDiffM"] == branch["PathDiffT"] == branch["PathDiffMT"]
    assert branch["ControlNetM"] == branch["ControlNetT"] != branch["PathDiffM"]


def test_training_the_branch_leaves_the_denoiser_as_it_was(tmp_path: Path) -> None:
    method, data, found = PathDiffM(tiny()), datasets(), dict[str, Path]()
    for part in method.parts():
        before = {name: digest(path) for name, path in found.items()}
        found[part.name] = tmp_path / part.name
        found[part.name].mkdir()
        read = {role: dataset for role, dataset in data.items() if role in part.reads}
        method.fit(part, read, {name: found[name] for name in part.needs}, found[part.name], RUN)
        assert {name: digest(found[name]) for name in before} == before


@pytest.mark.parametrize("kind", [PathDiffM, PathDiffT, PathDiffMT])
def test_images_repeat_and_have_the_size_of_patches(kind: type[LatentControl], fitted: dict[str, Path]) -> None:
    method, data, conditions = kind(tiny()), datasets(), planned(kind, 3)
    one, two = (np.stack(list(method.render(conditions, data, fitted, RUN))) for _ in range(2))
    assert one.shape == (3, 16, 16, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, two)


def test_the_autoencoder_is_finetuned_from_the_first_one(tmp_path: Path) -> None:
    training = tiny().autoencoder.training.model_dump() | {"steps": 4}
    config = PathDiffConfig.model_validate(
        tiny().model_dump() | {"autoencoder": tiny().autoencoder.model_dump() | {"finetune": training}}
    )
    method = PathDiffM(config)
    reads: dict[str, Any] = {part.name: part.reads for part in method.parts()}
    assert reads["autoencoder"] == {"text"}
    assert reads["autoencoder-finetuned"] >= {"train", "text"}
    fitted = fit_all(method, tmp_path)
    first, second = (digest(fitted[name] / "autoencoder") for name in ("autoencoder", "autoencoder-finetuned"))
    assert first != second
    assert method.parts()[3].needs[0] == method.first_stage == "autoencoder-finetuned"
    patch = datasets()["train"][0].image[:16, :16]
    before, after = (
        next(one.reconstruct([patch], {one.first_stage: fitted[one.first_stage]}, RUN))
        for one in (PathDiffM(tiny()), method)
    )
    assert before.shape == after.shape == patch.shape
    assert not np.array_equal(before, after)
