"""The network as the harness uses it: guides itself in its last phase, predicts from its folder, extends labels."""

import json
from pathlib import Path

import numpy as np
import torch

from bench.contract import Budget, Downstream, TrainingMix
from downstream.nuclei.family import Subject
from downstream.nuclei.settings import Phase
from downstream.patches import Patch, window
from downstream.sonnet import Sonnet, SonnetSettings
from downstream.sonnet.family import SonnetFamily
from downstream.sonnet.small import SmallSonnet
from tests.toy import CLASSES, NucleiDataset, Run


def config(**changes) -> SonnetSettings:
    values = {
        "network": "small",
        "patch": 32,
        "width": 8,
        "phases": (Phase(share=0.75, batch=4), Phase(share=0.25, batch=4, self_guided=True)),
        "optimizer": "adamw",
        "learning_rate": 5e-3,
        "schedule": "cosine",
        "ema": 0.99,
        "holdout": 0.0,
        "selection": "last",
    }
    return SonnetSettings(**(values | changes))


def mix(fraction: float = 0.5) -> TrainingMix:
    return TrainingMix(NucleiDataset(2, 48), NucleiDataset(3, 32, seed=7), fraction)


def test_predicts_any_size_from_the_folder_alone(tmp_path: Path) -> None:
    trained = Sonnet(config(width=4, window=64))
    run = Run()
    assert isinstance(trained, Downstream)
    trained.fit(mix(), Budget("steps", 4), tmp_path, run)
    assert {"sonnet/loss", "sonnet/np_ce", "sonnet/np_dice", "sonnet/ord", "sonnet/tp_focal"} <= set(run.curves)
    stored = json.loads((tmp_path / "config.json").read_text())
    real = mix().real
    types = [np.concatenate([[0], real[i].types])[real[i].instances] for i in range(2)]
    assert stored["numbers"]["pixels"] == np.bincount(np.ravel(types), minlength=5).tolist()
    other = Sonnet(SonnetSettings())  # the checkpoint says which network it is
    images = [np.full((h, w, 3), 200, np.uint8) for h, w in ((32, 32), (20, 75), (130, 61))]
    shapes = [p.instances.shape for p in other.predict(images, tmp_path, Run()) if p.instances is not None]
    assert shapes == [image.shape[:2] for image in images]
    assert other.features(images, tmp_path, Run()).shape == (3, 8)


def family(**changes) -> SonnetFamily:
    return SonnetFamily(config(**changes), Subject(CLASSES, (), 0.5), {"pixels": [1000, 10, 100, 100, 100]})


def test_only_the_last_phase_guides_itself() -> None:
    torch.manual_seed(0)
    kind = family()
    network = kind.build()
    data = NucleiDataset(2, 32)
    patches = [Patch(s.image, s.instances, window(s, 0, 0, 32)[2], False) for s in data.samples]
    targets = [kind.targets(patch) for patch in patches]
    batch = {name: torch.from_numpy(np.stack([target[name] for target in targets])) for name in targets[0]}
    output = network(torch.from_numpy(np.stack([patch.image for patch in patches])))
    plain, guided = (kind.loss(output, batch, None, phase) for phase in kind.config.phases)
    assert guided["np_ce"].item() > plain["np_ce"].item()
    assert guided["tp_focal"].item() > plain["tp_focal"].item()
    assert guided["ord"].item() == plain["ord"].item()
    maps = kind.maps(output)
    assert maps.shape == (2, 7, 32, 32)
    assert maps[:, 0].min() >= 0
    assert maps[:, 0].max() <= 1
    assert set(maps[:, 1].unique().tolist()) <= set(range(9))


def test_what_is_frozen() -> None:
    kind = family()
    network = kind.build()
    assert isinstance(network, SmallSonnet)
    frozen = {id(p) for module in kind.encoder(network) for p in module.parameters()}
    assert frozen == {id(p) for p in [*network.stem.parameters(), *network.down.parameters()]}
    assert not kind.start(network)  # random weights


def test_labels_extend_beyond_the_patches_of_the_small_network() -> None:
    kind = family()
    assert kind.sizes == (32, 32, 16)
    sample = NucleiDataset(1, 96).samples[0]
    image, instances, types = window(sample, 16, 16, 64)
    found = kind.targets(Patch(image[16:48, 16:48], instances, types, False))
    alone = kind.targets(Patch(image[16:48, 16:48], instances[16:48, 16:48], types[16:48, 16:48], True))
    assert found["ordinal"].shape == alone["ordinal"].shape == (32, 32)
    np.testing.assert_array_equal(found["nucleus"], alone["nucleus"])
    assert (found["ordinal"] != alone["ordinal"]).any()  # nuclei that the border cuts
