"""The network as the harness uses it: learns, resumes bit for bit, predicts any size, loads from its folder alone."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from bench.contract import Budget, Downstream, TrainingMix
from bench.errors import DataError
from bench.training import LossTask
from downstream.augment import Augmentation
from downstream.hovernet import HoVerNet, HoVerNetConfig, Phase
from downstream.hovernet.small import SmallHoVerNet
from tests.downstream.overfitting import check_overfits
from tests.toy import NucleiDataset, Run

NO_COLOUR = Augmentation(affine=False, blur=False, hue=0, saturation=0, brightness=0, contrast=(1, 1))


def config(**changes) -> HoVerNetConfig:
    values = {
        "network": "small",
        "patch": 32,
        "width": 8,
        "phases": (Phase(share=1, batch=4),),
        "optimizer": "adamw",
        "learning_rate": 5e-3,
        "schedule": "cosine",
        "ema": 0.99,
        "holdout": 0,
        "selection": "last",
    }
    return HoVerNetConfig(**(values | changes))


def mix(fraction: float = 0.5) -> TrainingMix:
    return TrainingMix(NucleiDataset(2, 48), NucleiDataset(3, 32, seed=7), fraction)


def weights(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


def test_is_imported_without_torch() -> None:
    code = "import sys, downstream.hovernet; print(sorted({'torch', 'monai', 'scipy', 'skimage'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert isinstance(HoVerNet(config()), Downstream)


@pytest.mark.slow
def test_overfits_two_images(tmp_path: Path) -> None:
    data = NucleiDataset(2, 64)
    phase = (Phase(share=1, batch=8),)
    network = HoVerNet(config(width=16, phases=phase, augmentation=NO_COLOUR, edge=0.5))
    network.fit(TrainingMix(data), Budget("steps", 300), tmp_path, Run())
    # discs that cover each other are sometimes found as one, of one type
    check_overfits(network, tmp_path, data.samples, types=0.85, pq=0.6)


def test_killed_training_goes_on_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    network, budget = HoVerNet(config()), Budget("steps", 5)
    network.fit(mix(), budget, whole, Run())
    step = LossTask.step

    def dies(self: LossTask, fabric, batch, number: int, generator):
        if number == 3:
            raise KeyboardInterrupt
        return step(self, fabric, batch, number, generator)

    monkeypatch.setattr(LossTask, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        network.fit(mix(), budget, killed, Run())
    monkeypatch.undo()
    assert not (killed / "weights.safetensors").exists()
    network.fit(mix(), budget, killed, Run())
    assert weights(whole) == weights(killed)


def test_weights_depend_on_seed_and_mix_alone(tmp_path: Path) -> None:
    found = {}
    for name, fraction, seed in (("a", 0.5, 0), ("b", 0.5, 0), ("c", 0.5, 1), ("d", 0.0, 0)):
        folder = tmp_path / name
        folder.mkdir()
        torch.manual_seed(hash(name))  # the state of the global generator must not matter
        HoVerNet(config()).fit(mix(fraction), Budget("steps", 2), folder, Run(seed=seed))
        found[name] = weights(folder)
    assert found["a"] == found["b"]
    assert len({found["a"], found["c"], found["d"]}) == 3


def test_predicts_any_size_from_the_folder_alone(tmp_path: Path) -> None:
    trained = HoVerNet(config(width=4, window=64))
    trained.fit(mix(), Budget("steps", 1), tmp_path, Run())
    assert {p.name for p in tmp_path.iterdir()} == {"weights.safetensors", "config.json", "checkpoint.pt"}
    assert json.loads((tmp_path / "config.json").read_text())["mpp"] == 0.5
    other = HoVerNet(HoVerNetConfig())  # the checkpoint says which network it is
    images = [np.full((h, w, 3), 200, np.uint8) for h, w in ((32, 32), (20, 75), (130, 61))]
    shapes = [p.instances.shape for p in other.predict(images, tmp_path, Run()) if p.instances is not None]
    assert shapes == [image.shape[:2] for image in images]
    vectors = other.features(images, tmp_path, Run())
    assert vectors.shape == (3, 8)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(other.features(images[1:2], tmp_path, Run())[0], vectors[1])


def test_epochs_are_those_of_the_mix(tmp_path: Path) -> None:
    run = Run()
    # 2 tiles of 48 px are 2 x 4 patches of 32; with half synthetic an epoch has 16, in batches of 4.
    HoVerNet(config(width=4)).fit(mix(), Budget("epochs", 2), tmp_path, run)
    assert sorted(run.curves["hovernet/loss"]) == list(range(8))


def test_small_network_is_equivariant_to_shifts_by_its_stride() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SmallHoVerNet(4, 4).eval()
    image = torch.randint(0, 256, (1, 192, 192, 3), dtype=torch.uint8)
    with torch.inference_mode():
        here, there = network(image)["hv"], network(image.roll((16, 16), (1, 2)))["hv"]
    middle = slice(96, 112)
    torch.testing.assert_close(there[..., middle, middle], here[..., 80:96, 80:96])


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "fast", "patch": 128},
        {"patch": 40},
        {"phases": (Phase(share=0.4, batch=1),)},
        {"encoder_weights": Path("encoder.tar")},
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict) -> None:
    with pytest.raises(ValidationError):
        config(**changes)


def test_starts_from_weights_of_its_own(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    HoVerNet(config(ema=None)).fit(mix(), Budget("steps", 2), first, Run())
    start = first / "weights.safetensors"
    still = HoVerNet(config(ema=None, pretrained=start, learning_rate=1e-12))
    still.fit(mix(), Budget("steps", 1), second, Run(seed=1))
    before, after = load_file(start), load_file(second / "weights.safetensors")
    weights = [name for name in before if name.endswith("weight")]
    assert weights
    for name in weights:
        torch.testing.assert_close(after[name], before[name], rtol=0, atol=1e-9)
    start.unlink()  # what was trained from it needs it no more
    assert len(list(still.predict([mix().real[0].image], second, Run()))) == 1


def test_weights_to_start_from_are_known_by_their_hash(tmp_path: Path) -> None:
    one, same, other = tmp_path / "a.safetensors", tmp_path / "b.safetensors", tmp_path / "c.safetensors"
    for path, content in ((one, b"one"), (same, b"one"), (other, b"other")):
        path.write_bytes(content)
    told = [config(pretrained=path).model_dump(mode="json")["pretrained"] for path in (one, same, other)]
    assert told[0] == told[1] == f"sha256:{hashlib.sha256(b'one').hexdigest()}"
    assert told[2] != told[0]
    assert HoVerNet(config()).weights() == ()
    (found,) = HoVerNet(config(pretrained=one)).weights()
    assert found.found
    (absent,) = HoVerNet(config(pretrained=tmp_path / "none")).weights()
    assert not absent.found
    assert "none" in absent.reason


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    HoVerNet(config()).fit(mix(), Budget("steps", 1), tmp_path, Run())
    wider = HoVerNet(config(width=12, pretrained=tmp_path / "weights.safetensors"))
    with pytest.raises(DataError, match="fit SmallHoVerNet"):
        wider.fit(mix(), Budget("steps", 1), tmp_path, Run())
