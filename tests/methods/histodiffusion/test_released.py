"""HistoDiffusion with released parts: nothing of them is trained, nothing unlabelled is asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.config.validate import build
from bench.contract import Dataset
from bench.errors import ConfigError, DataError
from bench.plan.checks import check_classes, check_files
from methods.histodiffusion import HistoDiffusion, HistoDiffusionConfig
from methods.histodiffusion.classifiers import load_classifier
from methods.latent.autoencoder import load_codec
from tests import toy
from tests.methods.histodiffusion.presets import tiny
from tests.methods.latent.original_classifier import SMALL, original_classifier, write_classifier
from tests.methods.latent.presets import Stripes
from tests.methods.latent.released_file import AUTOENCODER, SCALE, UNET, write_released

DATA: dict[str, Dataset] = {"train": Stripes(9, 32)}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_released(tmp_path_factory.mktemp("released") / "model.ckpt")


def _settings(file: Path, **changes: Any) -> dict[str, Any]:
    parts = {
        "autoencoder": {"released": str(file), "network": AUTOENCODER},
        "latent_diffusion": {"released": str(file), "network": UNET},
        "finetune": False,
    }
    return tiny(**{**parts, **changes})


def _config(file: Path, **changes: Any) -> HistoDiffusionConfig:
    return HistoDiffusionConfig.model_validate(_settings(file, **changes))


def test_released_parts_are_read_and_drawn_from(file: Path, tmp_path: Path) -> None:
    """They get no data, which training would need."""
    method, run, fitted = HistoDiffusion(_config(file)), toy.Run(), {}
    assert (method.roles, [sorted(part.reads) for part in method.parts()]) == ({"train"}, [[], [], ["train"]])
    for part in method.parts():
        out = fitted[part.name] = tmp_path / part.name
        out.mkdir()
        method.fit(part, {role: DATA[role] for role in part.reads}, {n: fitted[n] for n in part.needs}, out, run)
    assert load_codec(fitted["autoencoder"], run).scale == pytest.approx(SCALE)
    conditions = list(method.plan(DATA, 3, np.random.default_rng(0)))
    images = list(method.render(conditions, DATA, fitted, run))
    assert [(image.shape, image.dtype) for image in images] == [((32, 32, 3), np.uint8)] * 3
    assert all(image.std() > 1 for image in images)
    assert not np.array_equal(images[0], images[1])


def test_keys_hold_the_hash_and_neither_path_nor_training(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copied.ckpt"
    copy.write_bytes(file.read_bytes())
    one, other = _config(file), _config(copy, latent_diffusion={"released": copy, "network": UNET, "training": {}})
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    parts = [part.config for part in HistoDiffusion(one).parts()][:2]
    assert parts == [part.config for part in HistoDiffusion(other).parts()][:2]
    assert {part.released_sha256 for part in parts} == {digest}
    assert "training" not in parts[0].model_dump_json() + parts[1].model_dump_json()
    assert str(file) not in one.model_dump_json()
    assert digest in one.model_dump_json()
    with copy.open("ab") as handle:
        handle.write(b"more")
    assert _config(copy).autoencoder.released_sha256 != digest


def test_a_trained_denoiser_of_released_latents_reads_the_pool(file: Path) -> None:
    method = HistoDiffusion(_config(file, latent_diffusion={}))
    assert method.roles == {"train", "pool"}
    assert [sorted(part.reads) for part in method.parts()] == [[], ["pool"], ["train"]]


@pytest.mark.parametrize(
    ("changes", "where", "fix"),
    [
        ({"autoencoder": {"released": None}}, "value of a setting in .* is not valid", "set autoencoder.released too"),
        ({"pretrain": False}, "value of a setting in .* is not valid", "set only one of"),
        ({"autoencoder": {"released": "nowhere/model.ckpt"}}, "autoencoder.released in", "an existing checkpoint"),
        ({"autoencoder": {"released": 7}}, "autoencoder.released in", "path"),
        ({"autoencoder": {"released_sha256": "0" * 64}}, "autoencoder.released_sha256", "get the file"),
        (
            {"autoencoder": {"released": None, "released_sha256": "0" * 64}},
            "released_sha256",
            "the file with this hash",
        ),
        ({"autoencoder": {"released": None, "scale": 0.5}}, "autoencoder.scale", "leave scale out"),
    ],
)
def test_contradictions_are_refused(file: Path, changes: dict[str, Any], where: str, fix: str) -> None:
    given = _settings(file)
    for name, value in changes.items():
        given[name] = {**given[name], **value} if isinstance(value, dict) else value
    with pytest.raises(ConfigError, match=where) as caught:
        build(HistoDiffusionConfig, given, "the method")
    assert fix in caught.value.fix


CLASSIFIER = {
    "width": SMALL.width,
    "multipliers": list(SMALL.multipliers),
    "blocks": SMALL.blocks,
    "attention_sizes": [4, 2],
    "head_channels": SMALL.head_channels,
    "groups": SMALL.groups,
}


def _guided(file: Path, classifier: Path, **network: Any) -> HistoDiffusion:
    released = {"released": str(classifier), "network": {**CLASSIFIER, **network}}
    return HistoDiffusion(build(HistoDiffusionConfig, _settings(file, latent_classifier=released), "the method"))


def test_a_released_classifier_is_read_and_guides(file: Path, tmp_path: Path) -> None:
    """It gets no data, and draws other images than without guidance."""
    labels = DATA["train"].info.labels
    classifier = write_classifier(tmp_path / "classifier.pt", classes=len(labels))
    method, run, fitted = _guided(file, classifier), toy.Run(), {}
    part = method.parts()[-1]
    digest = hashlib.sha256(classifier.read_bytes()).hexdigest()
    assert (part.reads, part.needs, part.config.model_dump()["released_sha256"]) == (set(), ("autoencoder",), digest)
    assert [one.path for one in method.weights()] == [file, file, classifier]
    assert list(check_files("histodiffusion", method)) == []
    assert list(check_classes(method, (), labels)) == []
    for one in method.parts():
        out = fitted[one.name] = tmp_path / one.name
        out.mkdir()
        method.fit(one, {}, {n: fitted[n] for n in one.needs}, out, run)
    network, flags = load_classifier(fitted["latent-classifier"], run)
    x, times = torch.randn(2, 3, 8, 8), torch.tensor([0, 500])
    with torch.no_grad():
        expected = original_classifier(classes=len(labels))(x, times)
        torch.testing.assert_close(network(x, times), expected, atol=1e-5, rtol=0)
    assert (flags.size, flags.channels, flags.classes) == (8, 3, len(labels))
    conditions = list(method.plan(DATA, 2, np.random.default_rng(0)))
    free = HistoDiffusion(method.config.model_copy(update={"guidance_scale": 0.0}))
    guided, plain = (list(one.render(conditions, DATA, fitted, run)) for one in (method, free))
    assert not np.array_equal(guided, plain)


def test_a_classifier_of_other_classes_or_another_size_is_refused(file: Path, tmp_path: Path) -> None:
    labels = DATA["train"].info.labels
    classifier = write_classifier(tmp_path / "classifier.pt", classes=len(labels) + 1)
    (missing,) = check_classes(_guided(file, classifier), (), labels)
    assert missing.got == f"{len(labels) + 1} classes"
    with pytest.raises(DataError, match="classes of the dataset"):
        list(_guided(file, classifier).plan(DATA, 1, np.random.default_rng(0)))
    (missing,) = check_files("histodiffusion", _guided(file, classifier, width=16))
    assert "it has width 8, multipliers 1, 2, 2, 2 blocks, attention at 4, 2" in missing.got
    other = write_classifier(tmp_path / "larger.pt", size=16)
    (missing,) = check_files("histodiffusion", _guided(file, other))
    assert "for 3 channels of size 16" in missing.got
    released = {"released": str(classifier), "network": CLASSIFIER}
    with pytest.raises(ConfigError) as caught:
        build(HistoDiffusionConfig, tiny(latent_classifier=released), "the method")
    assert "a released latent_classifier needs its own latents" in caught.value.fix


def test_files_are_listed_as_weights(file: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    listed = HistoDiffusion(_config(file)).weights()
    assert [(one.path, one.sha256, one.found) for one in listed] == [(file, (digest,), True)] * 2
    lpips = {"features": "lpips", "weights": tmp_path}
    training = {**tiny()["autoencoder"]["training"], "perceptual": lpips}
    trained = tiny(autoencoder={**tiny()["autoencoder"], "training": training})
    (missing,) = check_files("histodiffusion", HistoDiffusion(HistoDiffusionConfig.model_validate(trained)))
    assert "vgg16-397923af.pth" in missing.expected
    assert "method.autoencoder.training.perceptual.weights" in missing.fix


def test_files_are_read_before_any_work(file: Path, tmp_path: Path) -> None:
    assert list(check_files("histodiffusion", HistoDiffusion(_config(file)))) == []
    assert list(check_files("histodiffusion", HistoDiffusion(HistoDiffusionConfig.model_validate(tiny())))) == []
    bare = write_released(tmp_path / "bare.ckpt", scale=None)
    (missing,) = check_files("histodiffusion", HistoDiffusion(_config(bare)))
    assert "latent scale" in missing.expected
    assert "set autoencoder.scale" in missing.fix
    other = {"released": write_released(tmp_path / "other.ckpt", scale=0.25), "network": UNET}
    (missing,) = check_files("histodiffusion", HistoDiffusion(_config(file, latent_diffusion=other)))
    assert missing.got == "0.25"
