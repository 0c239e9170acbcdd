"""HistoDiffusion with released parts: nothing of them is trained, nothing unlabelled is asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.config.validate import build
from bench.contract import Dataset
from bench.errors import ConfigError
from bench.plan.checks import check_files
from methods.histodiffusion import HistoDiffusion, HistoDiffusionConfig
from methods.latent.autoencoder import load_codec
from tests import toy
from tests.methods.histodiffusion.presets import tiny
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
