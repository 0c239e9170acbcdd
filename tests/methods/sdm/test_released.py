"""SDM and DiffMix with a released checkpoint: read, drawn from, compared with settings and classes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.config.validate import build
from bench.errors import ConfigError, DataError
from bench.plan.checks import check_classes, check_files
from methods.diffmix import DiffMix, DiffMixB, DiffMixE
from methods.sdm import SDM, SDMConfig
from methods.sdm.config import NetworkSettings
from methods.sdm.model import load_model
from methods.sdm.network import SDMNetwork
from tests import toy
from tests.methods.sdm_presets import TINY, tiny

DATA = {"train": toy.NucleiDataset(3, 48)}
NAMES = DATA["train"].info.classes


def _network(seed: int, learned_variance: bool = True, classes: int = len(NAMES)) -> SDMNetwork:
    settings = NetworkSettings.model_validate(TINY["network"])
    network = SDMNetwork(settings, classes + 2, 32, learned_variance=learned_variance)
    generator = torch.Generator().manual_seed(seed)
    for tensor in network.parameters():
        tensor.data = 0.1 * torch.randn(tensor.shape, generator=generator)
    return network.eval()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("released") / "ema_0.9999_010000.pt"
    torch.save(_network(0).state_dict(), path)
    return path


def _settings(file: Path, **changes: Any) -> dict[str, Any]:
    diffusion = {"prediction": "epsilon", "learned_variance": True, "times": "uniform"}
    return tiny(released=str(file), **{"diffusion": diffusion, **changes})


def _sdm(file: Path, **changes: Any) -> SDM:
    return SDM(build(SDMConfig, _settings(file, **changes), "the method"))


@pytest.mark.parametrize("kind", [SDM, DiffMix, DiffMixB, DiffMixE])
def test_the_file_is_drawn_from_and_nothing_is_trained(kind: type[SDM], file: Path, tmp_path: Path) -> None:
    method, run = kind(build(kind.Config, _settings(file), "the method")), toy.Run()
    (part,) = method.parts()
    assert part.reads == frozenset()
    method.fit(part, {}, {}, tmp_path, run)
    network, flags = load_model(tmp_path, run)
    assert (flags.classes, flags.weights) == (len(NAMES), "released, average by its name")
    x, times = torch.randn(1, 3, 32, 32), torch.tensor([40])
    labels = torch.ones(1, len(NAMES) + 2, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(x, times, labels), _network(0)(x, times, labels), atol=1e-5, rtol=1e-5)
    conditions = list(method.plan(DATA, 2, np.random.default_rng(0)))
    images = list(method.render(conditions, DATA, {"sdm": tmp_path}, run))
    assert [image.shape for image in images] == [(32, 32, 3)] * 2


def test_the_key_holds_the_hash_and_no_path(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model010000.pt"
    copy.write_bytes(file.read_bytes())
    one, other = _sdm(file), _sdm(copy, training={"steps": 77})
    assert one.parts()[0].config == other.parts()[0].config
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    dumped = one.config.model_dump_json()
    assert digest in dumped
    assert str(file) not in dumped
    assert digest in one.parts()[0].config.model_dump_json()
    (listed,) = one.weights()
    assert (listed.path, listed.sha256, listed.setting) == (file, (digest,), "method.released")
    assert SDM(SDMConfig()).weights() == ()


@pytest.mark.parametrize(("choice", "seed"), [("average", 1), ("last", 2)])
def test_of_both_weights_the_chosen_are_used_and_recorded(tmp_path: Path, choice: str, seed: int) -> None:
    path = tmp_path / "both.pt"
    torch.save({"ema": _network(1).state_dict(), "model": _network(2).state_dict()}, path)
    method = _sdm(path, released_weights=choice)
    (tmp_path / "out").mkdir()
    method.fit(method.parts()[0], {}, {}, tmp_path / "out", toy.Run())
    network, flags = load_model(tmp_path / "out", toy.Run())
    assert torch.equal(network.out[2].weight, _network(seed).out[2].weight)
    assert flags.weights == f"released, {choice}"
    assert method.parts()[0].config.model_dump()["released_weights"] == choice


def test_last_weights_are_recorded_by_their_name(file: Path, tmp_path: Path) -> None:
    for name, said in (("model010000.pt", "last by its name"), ("net.pt", "not known which")):
        copy, out = tmp_path / name, tmp_path / f"out-{name}"
        copy.write_bytes(file.read_bytes())
        out.mkdir()
        method = _sdm(copy)
        method.fit(method.parts()[0], {}, {}, out, toy.Run())
        assert load_model(out, toy.Run())[1].weights == f"released, {said}"


def test_a_file_that_does_not_fit_is_told_before_any_work(file: Path, tmp_path: Path) -> None:
    assert list(check_files("sdm", _sdm(file))) == []
    (missing,) = check_files("sdm", _sdm(file, network={**TINY["network"], "width": 16}))
    assert "network.width 8, network.multipliers [1.0, 2.0], network.blocks 1, network.attention [16]" in missing.got
    (missing,) = check_files("sdm", _sdm(file, diffusion={"prediction": "epsilon", "learned_variance": False}))
    assert "diffusion.learned_variance true" in missing.got
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    (missing,) = check_files("sdm", _sdm(tmp_path / "other.pt"))
    assert "network of SDM" in missing.expected
    (tmp_path / "broken.pt").write_bytes(file.read_bytes()[:3000])
    (missing,) = check_files("sdm", _sdm(tmp_path / "broken.pt"))
    assert "Cannot read the checkpoint" in missing.expected


def test_number_and_order_of_classes_are_compared(file: Path) -> None:
    assert list(check_classes(_sdm(file), NAMES, ())) == []
    assert list(check_classes(_sdm(file, released_classes=list(NAMES)), NAMES, ())) == []
    (missing,) = check_classes(_sdm(file), [*NAMES, "more"], ())
    assert f"must have the {len(NAMES) + 1} classes of the dataset" in missing.expected
    turned = _sdm(file, released_classes=list(reversed(NAMES)))
    (missing,) = check_classes(turned, NAMES, ())
    assert "in its order" in missing.expected
    assert missing.got == ", ".join(reversed(NAMES))
    with pytest.raises(DataError, match="in its order"):
        list(turned.plan(DATA, 1, np.random.default_rng(0)))
    (missing,) = check_classes(_sdm(file, released_classes=["one"]), NAMES, ())
    assert "1 names in released_classes: one" in missing.got
    assert list(check_classes(SDM(SDMConfig()), ["any"], ())) == []


@pytest.mark.parametrize(
    ("changes", "fix"),
    [
        ({"released": None, "released_classes": ["a"]}, "leave released_classes out"),
        ({"diffusion": {"prediction": "edm"}}, "set diffusion.prediction to epsilon"),
        ({"released": "nowhere.pt"}, "an existing checkpoint"),
        ({"released_sha256": "0" * 64}, "get the file"),
        ({"released_weights": "first"}, "average"),
    ],
)
def test_contradictions_are_refused(file: Path, changes: dict[str, Any], fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(SDMConfig, {**_settings(file), **changes}, "the method")
    assert fix in str(caught.value)
