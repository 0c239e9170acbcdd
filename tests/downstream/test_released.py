"""Released nucleus networks: what they compute, which classes they are compared with, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.errors import ConfigError, DataError
from downstream import released
from downstream.cellvit.published import PublishedCellViT
from downstream.hovernet.published import PublishedHoVerNet
from tests.downstream.released_files import ORACLE, oracle, shapes_of, tensors

needs_oracle = pytest.mark.skipif(not ORACLE.is_dir(), reason="the reference outputs are not here")
PANNUKE = ("neoplastic", "inflammatory", "connective", "dead", "epithelial")


def furthest(ours: torch.Tensor, expected: np.ndarray) -> float:
    """The largest difference as a share of the largest value."""
    return float(np.abs(ours.numpy() - expected).max() / np.abs(expected).max())


@pytest.mark.slow
@needs_oracle
@pytest.mark.parametrize("settings", [{}, {"mode": "original"}])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_hovernet_computes_what_the_release_does(tmp_path: Path, settings: dict[str, str], prefix: str) -> None:
    held, reference = oracle("hovernet_original")
    constant = {"upsample2x.unpool_mat": torch.ones(2, 2), "conv0.bn.num_batches_tracked": torch.tensor(7)}
    torch.save({"desc": {prefix + name: t for name, t in (held | constant).items()}}, tmp_path / "net.tar")
    network = released.load("hovernet", tmp_path / "net.tar", **settings)
    assert not network.training
    with torch.inference_mode():
        output = network(torch.from_numpy(reference["input"])[None])
    assert set(output) == {"np", "hv", "tp"}
    for name, value in output.items():
        assert furthest(value[0], reference[name]) < 1e-5


@pytest.mark.slow
@needs_oracle
@pytest.mark.parametrize("whole", [True, False])
def test_cellvit_computes_what_the_release_does(tmp_path: Path, whole: bool) -> None:
    held, reference = oracle("cellvit_sam_b")
    torch.save({"model_state_dict": held, "epoch": 130} if whole else held, tmp_path / "net.pth")
    network = released.load("cellvit-sam-b", tmp_path / "net.pth")
    with torch.inference_mode():
        output = network(torch.from_numpy(reference["input"])[None])
    assert set(output) == {"tissue_types", "nuclei_binary_map", "hv_map", "nuclei_type_map"}
    for name, value in output.items():
        assert value.dtype == torch.float32
        shown = value[0] if name == "tissue_types" else value[0, :, ::4, ::4]
        assert furthest(shown, reference[name]) < 1e-5


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hovernet") / "fast.tar"
    torch.save({"desc": tensors(shapes_of(PublishedHoVerNet(2, "fast")))}, path)
    return path


@pytest.mark.slow
def test_the_mode_and_the_number_of_classes_are_read_off_the_file(fast: Path) -> None:
    assert isinstance(released.load("hovernet", fast, mode="fast"), PublishedHoVerNet)
    with pytest.raises(DataError, match="mode fast, not original") as caught:
        released.load("hovernet", fast, mode="original")
    assert "choose the mode fast" in caught.value.fix
    network = released.read("hovernet", fast, ("a", "b"))
    assert network.state_dict()["decoder.tp.u0.conv.weight"].shape[0] == 3
    with pytest.raises(DataError, match="other nucleus classes") as refused:
        released.read("hovernet", fast, ("a", "b", "c"), mode="fast")
    assert refused.value.got == "2 classes in the file without names; 3 in the dataset: a, b, c"


def test_what_is_no_whole_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.tar"
    torch.save({"desc": {"conv0./.weight": torch.zeros(64, 3, 7, 7)}}, path)
    with pytest.raises(DataError, match="no whole HoVer-Net") as caught:
        released.load("hovernet", path)
    assert caught.value.got == "no decoders"
    torch.save({"desc": {"decoder.np.u3.conva.weight": torch.zeros(256, 1024, 3, 3)}}, path)
    with pytest.raises(DataError, match="no whole HoVer-Net") as caught:
        released.load("hovernet", path)
    assert caught.value.got == "a network without a type branch"
    with pytest.raises(DataError, match="no CellViT"):
        released.load("cellvit-sam-b", path)
    path.write_bytes(b"no weights")
    for name in ("hovernet", "cellvit-sam-b"):
        with pytest.raises(DataError, match="Cannot read"):
            released.load(name, path)


def test_no_code_of_a_file_is_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (tmp_path.joinpath("ran").write_text, ("x",))

    torch.save({"desc": Trap()}, tmp_path / "trap.tar")
    with pytest.raises(DataError, match="Cannot read"):
        released.load("hovernet", tmp_path / "trap.tar")
    assert not (tmp_path / "ran").exists()


def test_unknown_names_and_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such released network") as caught:
        released.load("stardist", tmp_path / "x")
    assert "hovernet" in caught.value.fix
    with pytest.raises(ConfigError, match="no such setting"):
        released.load("hovernet", tmp_path / "x", size=256)
    with pytest.raises(ConfigError, match="no such mode"):
        released.load("hovernet", tmp_path / "x", mode="slow")


class _Config:
    """What CellViT's files say of their classes, nested as in its settings or flat as in its checkpoints."""

    nuclei = {"Background": 0, **{name.title(): number for number, name in enumerate(PANNUKE, 1)}}
    flat = {f"dataset_config.nuclei_types.{name}": number for name, number in nuclei.items()}
    nested = {"dataset_config": {"nuclei_types": nuclei, "tissue_types": {"Skin": 1, "Colon": 0}}}


@pytest.mark.slow
def test_cellvits_classes_are_compared_by_name_and_its_tissues_fitted(tmp_path: Path) -> None:
    held = tensors({n.replace(".fc", ".lin"): s for n, s in shapes_of(PublishedCellViT(5, 2)).items()})
    path = tmp_path / "net.pth"
    for config in (_Config.flat, _Config.nested):
        torch.save({"model_state_dict": held, "config": config}, path)
        network = released.read("cellvit-sam-b", path, PANNUKE, tissues=("Colon", "Skin"))
        assert torch.equal(network.classifier_head.weight, held["classifier_head.weight"])
        swapped = (*PANNUKE[:3], "epithelial", "dead")
        with pytest.raises(DataError, match="other nucleus classes") as caught:
            released.read("cellvit-sam-b", path, swapped)
        assert "Dead, Epithelial" in caught.value.got
        assert "epithelial, dead" in caught.value.got
    assert released.read("cellvit-sam-b", path, PANNUKE).classifier_head is None
    other = released.read("cellvit-sam-b", path, PANNUKE, tissues=("a", "b", "c")).classifier_head
    assert other.weight.shape == (3, 256)
    assert not other.weight.any()
    assert not other.bias.any()
