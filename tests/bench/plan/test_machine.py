"""What a machine can run is told with its fixes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.contract import Weights
from bench.plan import machine
from bench.plan.machine import Diagnosis, examine
from methods.external import External
from tests.toy_tissue import Painter


def _found(tmp_path: Path, **changes: Path | None) -> dict[str, dict[str, Diagnosis]]:
    folders: dict[str, Path | None] = {"store": tmp_path / "store", "data_root": None, "weights": None, **changes}
    return {title: {d.name: d for d in found} for title, found in examine(**folders)}  # type: ignore[arg-type]


def test_everything_is_looked_at_and_what_is_missing_has_a_fix(tmp_path: Path) -> None:
    found = _found(tmp_path)
    machine, *others = found.values()
    assert list(machine) == ["cpu", "gpu", "store"]
    assert machine["store"].ok
    assert found["datasets"]["phantom"].ok
    assert found["presets"]["smoke"].ok
    assert found["encoders"]["random-convnet"].ok
    assert all(d.fix for part in others for d in part.values() if not d.ok)


def test_networks_that_start_from_weights_are_listed_with_the_file_they_want(tmp_path: Path) -> None:
    networks = _found(tmp_path)["downstream networks that start from weights"]
    assert not networks["vit-pretrained"].ok
    assert "--weights" in networks["vit-pretrained"].fix
    assert "vit" not in networks


def test_evaluations_that_need_weights_are_listed(tmp_path: Path) -> None:
    lpips = _found(tmp_path)["evaluations that need weights"]["reconstruction"]
    assert not lpips.ok
    assert "alexnet-owt-7be5be79.pth" in lpips.fix


def test_methods_that_start_from_weights_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Starting(Painter):
        def weights(self) -> tuple[Weights, ...]:
            return (Weights("weights of a toy", "toy.file", "an address", "1 MB", licence="MIT", reason="No file."),)

    plugins = {"painter": Painter, "starting": Starting, "external": External}  # the last has no settings of its own
    monkeypatch.setattr(machine, "names", lambda group: tuple(plugins) if group == "methods" else ())
    monkeypatch.setattr(machine, "load", lambda group, name: plugins[name])
    starting = plugins.pop("starting")
    assert "methods that start from weights" not in _found(tmp_path)
    plugins["starting"] = starting
    listed = _found(tmp_path)["methods that start from weights"]
    assert list(listed) == ["starting"]
    assert listed["starting"].text == "weights of a toy; 1 MB"
    assert listed["starting"].fix == "No file; get it from an address (licence MIT); set toy.file"


def test_a_data_root_without_data_is_said(tmp_path: Path) -> None:
    consep = _found(tmp_path, data_root=tmp_path)["datasets"]["consep"]
    assert not consep.ok
    assert consep.fix
