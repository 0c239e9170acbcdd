"""Training of a nucleus network: phases reach the network, arms take equal steps, the folder tells what was done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench.contract import Budget, TrainingMix
from downstream.hovernet import HoVerNet, HoVerNetConfig, Phase
from downstream.hovernet.family import HoVerNetFamily
from downstream.nuclei.fit import fit
from tests.toy import NucleiDataset, Run

PHASES = (
    Phase(share=0.5, batch=2, freeze_encoder=True),
    Phase(share=0.25, batch=2, rate=0.5),
    Phase(share=0.25, batch=2, rate=0.1, self_guided=True),
)


def config(**changes: Any) -> HoVerNetConfig:
    values = {"network": "small", "patch": 32, "width": 4, "phases": PHASES, "schedule": "constant"}
    return HoVerNetConfig(**(values | {"holdout": 0, "selection": "last"} | changes))


def told(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return values


@pytest.mark.parametrize("trained", [True, False])
def test_phases_reach_loss_encoder_and_learning_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: bool
) -> None:
    """An encoder with random weights is never frozen."""
    seen: list[tuple[bool, Phase]] = []
    rates: list[float] = []

    class Spy(HoVerNetFamily):
        def start(self, network: torch.nn.Module) -> bool:
            self.network = network
            return trained

        def loss(self, output, batch, typed, phase):
            frozen = {not p.requires_grad for module in self.encoder(self.network) for p in module.parameters()}
            assert all(p.requires_grad for p in self.network.heads.parameters())  # type: ignore[union-attr]
            seen.append((frozen == {True}, phase))
            return super().loss(output, batch, typed, phase)

    step = torch.optim.Adam.step

    def noted(self: torch.optim.Adam, *given: Any, **named: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *given, **named)

    monkeypatch.setattr(torch.optim.Adam, "step", noted)
    fit(Spy, config(learning_rate=1e-3), TrainingMix(NucleiDataset(2, 48)), Budget("steps", 8), tmp_path, Run())
    assert [phase for _, phase in seen] == 4 * [PHASES[0]] + 2 * [PHASES[1]] + 2 * [PHASES[2]]
    assert [frozen for frozen, _ in seen] == 4 * [trained] + 4 * [False]
    assert rates == pytest.approx(4 * [1e-3] + 2 * [5e-4] + 2 * [1e-4])
    assert told(tmp_path)["encoder"] == ("file" if trained else "random")


def test_a_frozen_encoder_does_not_move(tmp_path: Path) -> None:
    kept: dict[str, torch.Tensor] = {}

    class Spy(HoVerNetFamily):
        def start(self, network: torch.nn.Module) -> bool:
            self.network = network
            kept.update({name: value.clone() for name, value in network.named_parameters()})
            return True

    frozen = config(phases=(Phase(share=1, batch=2, freeze_encoder=True),), ema=None)
    fit(Spy, frozen, TrainingMix(NucleiDataset(2, 48)), Budget("steps", 2), tmp_path, Run())
    after = load_file(tmp_path / "weights.safetensors")
    still = {name for name, value in kept.items() if torch.equal(value, after[name])}
    encoder = {name for name in kept if name.startswith(("stem.", "down."))}
    assert encoder
    assert still & encoder == encoder
    assert any(name.startswith("heads.") for name in kept.keys() - still)


def test_every_arm_takes_the_steps_of_the_real_only_arm(tmp_path: Path) -> None:
    real, synthetic = NucleiDataset(2, 48), NucleiDataset(3, 32, seed=7)
    steps = {}
    for unit in ("real-epochs", "epochs"):
        for fraction in (0.0, 0.5, 0.75):
            folder = tmp_path / f"{unit}-{fraction}"
            folder.mkdir()
            one = config(phases=(Phase(share=1, batch=4),))
            mix, budget = TrainingMix(real, synthetic, fraction), Budget(unit, 2)  # type: ignore[arg-type]
            HoVerNet(one).fit(mix, budget, folder, Run())
            steps[unit, fraction] = told(folder)["steps"]
            assert HoVerNet(one).steps(mix, budget) == steps[unit, fraction]
    # 2 tiles of 48 px are 2 x 4 patches of 32 px: 2 steps of 4 per epoch
    assert [steps["real-epochs", fraction] for fraction in (0.0, 0.5, 0.75)] == [4, 4, 4]
    assert [steps["epochs", fraction] for fraction in (0.0, 0.5, 0.75)] == [4, 8, 16]


def test_planned_steps_leave_out_what_is_held_out() -> None:
    real, held = NucleiDataset(4, 48), NucleiDataset(1, 48, seed=3)
    network = HoVerNet(config(phases=(Phase(share=1, batch=4),), holdout=0.5))
    # 4 tiles are 16 patches, half of which are held out unless the protocol has tiles of its own for that
    assert network.steps(TrainingMix(real), Budget("epochs", 3)) == 6
    assert network.steps(TrainingMix(real, validation=held), Budget("epochs", 3)) == 12
    assert network.steps(TrainingMix(real), Budget("steps", 5)) == 5


def test_the_folder_tells_how_small_synthetic_patches_were_enlarged(tmp_path: Path) -> None:
    told_by = {}
    for side in (24, 32):
        folder = tmp_path / str(side)
        folder.mkdir()
        mix = TrainingMix(NucleiDataset(2, 48), NucleiDataset(3, side, seed=7), 0.5)
        HoVerNet(config()).fit(mix, Budget("steps", 1), folder, Run())
        told_by[side] = told(folder).get("synthetic_fit")
    assert told_by == {24: {"side": 24, "input": 32, "how": "mirror"}, 32: None}


def test_numbers_and_oversampling_are_those_of_the_real_tiles(tmp_path: Path) -> None:
    asked: list[Any] = []

    class Spy(HoVerNetFamily):
        @staticmethod
        def measure(mix: TrainingMix) -> dict[str, Any]:
            return {"tiles": len(mix.real)}

        @staticmethod
        def oversampling(config, records):
            asked.append(len(records))
            return np.ones(len(records), np.float32)

        def loss(self, output, batch, typed, phase):
            assert self.numbers == {"tiles": 2}
            return super().loss(output, batch, typed, phase)

    mix = TrainingMix(NucleiDataset(4, 48), NucleiDataset(3, 32, seed=7), 0.5)
    fit(Spy, config(holdout=0.4), mix, Budget("steps", 1), tmp_path, Run())
    assert asked == [2]
    assert told(tmp_path)["numbers"] == {"tiles": 2}
