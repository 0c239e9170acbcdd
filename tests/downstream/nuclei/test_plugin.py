"""A nucleus network as the harness uses it: files that it names, and a released network instead of training."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from bench.contract import Budget, TrainingMix
from bench.errors import BenchError, ConfigError, DataError
from bench.registry import load
from downstream.hovernet import HoVerNet, HoVerNetConfig
from downstream.hovernet.family import HoVerNetFamily
from downstream.hovernet.small import SmallHoVerNet
from tests.downstream.nuclei.phantoms import nucleus_networks
from tests.toy import CLASSES, NucleiDataset, Run


@pytest.mark.parametrize("name", nucleus_networks())
def test_networks_and_decoders_are_imported_without_torch(name: str) -> None:
    package = load("downstream", name).__module__.rpartition(".")[0]
    code = f"import sys, {package}, {package}.decode; print(sorted({{'torch', 'monai', 'timm'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_file_that_the_settings_name_is_known_before_any_work(tmp_path: Path) -> None:
    there, gone = tmp_path / "there", tmp_path / "gone"
    there.write_bytes(b"weights")
    assert HoVerNet(HoVerNetConfig()).weights() == ()
    for key in ("pretrained", "encoder_weights", "released"):
        for path in (there, gone):
            (needed,) = HoVerNet(HoVerNetConfig(**{key: path})).weights()
            assert needed.found == (path == there)
            assert key in needed.setting
            assert ("gone" in needed.reason) == (path == gone)


def test_released_and_pretrained_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        HoVerNetConfig(released=tmp_path / "a", pretrained=tmp_path / "b")


class Small(HoVerNetFamily):
    """A family whose released network is small, so that nothing large is built."""

    @property
    def release_settings(self) -> dict[str, Any]:
        return {"mode": "fast"}

    def build(self) -> torch.nn.Module:
        return SmallHoVerNet(len(self.subject.classes), 4)


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A file with a released network of four classes."""
    known = SimpleNamespace(file=tmp_path / "release.tar", network=SmallHoVerNet(4, 4), asked=[])
    known.file.write_bytes(b"released")

    def read(name: str, path: Path, classes: tuple[str, ...], tissues: tuple[str, ...] = (), **settings: Any) -> Any:
        known.asked.append((name, path, classes, tissues, settings))
        if len(classes) != 4:
            raise DataError("The file has four classes", got=str(len(classes)))
        return known.network.eval()

    stand_in = ModuleType("downstream.released")
    stand_in.read = read  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "downstream.released", stand_in)
    monkeypatch.setattr(HoVerNet, "_kind", lambda self: Small)
    return known


def test_a_released_network_is_used_as_it_is(release: SimpleNamespace, tmp_path: Path) -> None:
    data, folder = NucleiDataset(1, 48), tmp_path / "model"
    folder.mkdir()
    network = HoVerNet(HoVerNetConfig(released=release.file))
    network.fit(TrainingMix(data), Budget("steps", 1000), folder, Run())
    assert release.asked == [("hovernet", release.file, CLASSES, (), {"mode": "fast"})]
    assert json.loads((folder / "config.json").read_text())["trained"] == "released"
    assert {path.name for path in folder.iterdir()} == {"config.json", "weights.safetensors"}
    release.file.unlink()  # the folder is enough
    from downstream.nuclei.predict import load as load_trained

    loaded = load_trained(Small, HoVerNetConfig, folder, Run())
    given = release.network.state_dict()
    assert all(torch.equal(value, given[name]) for name, value in loaded.network.module.state_dict().items())


def test_released_classes_are_checked_before_any_work(release: SimpleNamespace) -> None:
    network = HoVerNet(HoVerNetConfig(released=release.file))
    network.check_classes(CLASSES, ())
    with pytest.raises(BenchError, match="four classes"):
        network.check_classes(CLASSES[:3], ())
    HoVerNet(HoVerNetConfig()).check_classes(CLASSES[:3], ())


def test_a_release_that_the_settings_do_not_describe_is_refused(release: SimpleNamespace, tmp_path: Path) -> None:
    release.network = SmallHoVerNet(4, 8)
    network = HoVerNet(HoVerNetConfig(released=release.file))
    with pytest.raises(DataError, match="do not fit the network"):
        network.fit(TrainingMix(NucleiDataset(1, 48)), Budget("steps", 1), tmp_path, Run())


def test_a_family_without_a_release_says_so(release: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Small, "release", "")
    with pytest.raises(ConfigError, match="No weights of hovernet are released"):
        HoVerNet(HoVerNetConfig(released=release.file)).check_classes(CLASSES, ())
