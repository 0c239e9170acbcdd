"""Nuclei without classes: every network is trained to segment only, in the small and in the published form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.contract import Budget, DatasetInfo, Sample, TrainingMix
from bench.errors import DataError
from downstream.cellvit import CellViT
from downstream.cellvit.published import PublishedCellViT
from downstream.hovernet import HoVerNet
from downstream.hovernet.published import PublishedHoVerNet
from downstream.patches import PatchStream
from downstream.sonnet import Sonnet
from downstream.sonnet.published import PublishedSonnet
from tests.toy import NucleiDataset, Run

TYPES = ("tp", "nuclei_type_map")


class Untyped(NucleiDataset):
    """Discs of which only the outlines are known."""

    @property
    def info(self) -> DatasetInfo:
        return replace(super().info, classes=(), rare=())

    def __getitem__(self, index: int) -> Sample:
        return replace(self.samples[index], types=None)


@pytest.mark.parametrize("network", [HoVerNet, Sonnet, CellViT])
def test_a_network_without_classes_finds_nuclei_without_types(tmp_path: Path, network) -> None:
    settings = {"network": "small", "patch": 32, "width": 8, "holdout": 0.5, "selection": "best", "evaluations": 1}
    plugin = network(network.Config(**settings, **({"extra": {}} if network is CellViT else {})))
    plugin.check_classes((), ())
    mix = TrainingMix(Untyped(4), Untyped(2, seed=1), 0.5)
    plugin.fit(mix, Budget("steps", 2), tmp_path, Run())
    (found,) = plugin.predict([np.full((48, 64, 3), 200, np.uint8)], tmp_path, Run())
    assert found.instances is not None
    assert found.instances.shape == (48, 64)
    assert found.types is None
    (features,) = plugin.features([np.full((48, 64, 3), 200, np.uint8)], tmp_path, Run())
    assert np.isfinite(features).all()


@pytest.mark.parametrize(
    "make", [lambda n: PublishedHoVerNet(n, "fast"), PublishedSonnet, lambda n: PublishedCellViT(n, 0)]
)
def test_published_networks_leave_the_type_branch_out(make) -> None:
    with torch.device("meta"):
        plain, typed = (set(make(n).state_dict()) for n in (0, 3))
    assert plain < typed
    assert all(any(part in name for part in ("tp", "type")) for name in typed - plain)


def test_a_tile_without_classes_among_typed_ones_is_refused() -> None:
    class Partly(NucleiDataset):
        def __getitem__(self, index: int) -> Sample:
            return replace(self.samples[index], types=None)

    with pytest.raises(DataError, match="need samples with instances and types"):
        PatchStream(TrainingMix(Partly(2)), 32, 0, HoVerNet.Config().augmentation, 0)
