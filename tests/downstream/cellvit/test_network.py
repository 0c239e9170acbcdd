"""The network as the harness uses it: learns, predicts any size, and is as large as published."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from bench.contract import Budget, Downstream, SampleRecord, TrainingMix
from downstream.cellvit import CellViT, CellViTConfig
from downstream.cellvit.config import OFF
from downstream.cellvit.encoder import SAMEncoder, load_encoder, timm_names
from downstream.cellvit.family import CellViTFamily
from downstream.cellvit.published import PublishedCellViT
from downstream.cellvit.small import SmallCellViT
from downstream.nuclei.family import Subject
from downstream.nuclei.settings import Phase
from downstream.patches import Patch
from metrics.instances import score_instances
from tests.downstream.overfitting import check_overfits
from tests.downstream.released_files import shapes_of, tensors
from tests.toy import CLASSES, NucleiDataset, Run

SUBJECT = Subject(CLASSES, ("colon", "skin", "lung"), 0.5)


def config(**changes) -> CellViTConfig:
    values = {
        "network": "small",
        "patch": 32,
        "width": 8,
        "depth": 1,
        "phases": (Phase(share=1, batch=4),),
        "learning_rate": 5e-3,
        "betas": (0.9, 0.999),
        "schedule": "cosine",
        "ema": 0.99,
        "oversampling": "none",
        "extra": {},
        "edge": 0.5,
    }
    return CellViTConfig(**(values | changes))


def family(**changes) -> CellViTFamily:
    return CellViTFamily(config(**changes), SUBJECT, {})


def test_is_imported_without_torch() -> None:
    code = "import sys, downstream.cellvit; print(sorted({'torch', 'timm', 'scipy', 'skimage'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert isinstance(CellViT(config()), Downstream)


@pytest.mark.slow
def test_overfits_two_images(tmp_path: Path) -> None:
    data = NucleiDataset(2, 64)
    phases = (Phase(share=1, batch=8),)
    network = CellViT(config(patch=64, width=16, depth=2, phases=phases, augmentation=OFF))
    network.fit(TrainingMix(data), Budget("steps", 300), tmp_path, Run())
    check_overfits(network, tmp_path, data.samples, types=0.8, pq=0.6)


def test_predicts_any_size_from_the_folder(tmp_path: Path) -> None:
    trained = CellViT(config())
    trained.fit(TrainingMix(NucleiDataset(2, 48)), Budget("steps", 1), tmp_path, Run())
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["encoder"] == "random"
    other = CellViT(CellViTConfig())  # the checkpoint says which network it is
    images = [np.full((h, w, 3), 200, np.uint8) for h, w in ((32, 32), (20, 75), (130, 61))]
    shapes = [p.instances.shape for p in other.predict(images, tmp_path, Run()) if p.instances is not None]
    assert shapes == [image.shape[:2] for image in images]
    assert other.features(images, tmp_path, Run()).shape == (3, 32)


def two_nuclei() -> Patch:
    instances = np.zeros((64, 64), np.int32)
    instances[8:24, 10:30] = 1
    instances[8:24, 30:50] = 2
    return Patch(np.zeros((64, 64, 3), np.uint8), instances, instances.astype(np.uint8), False, "skin")


def test_offsets_rise_to_the_right_and_downwards() -> None:
    targets = family(network="sam-b", patch=256).targets(two_nuclei()._replace(image=np.zeros((256, 256, 3), np.uint8)))
    x, y = targets["hv"]
    assert x.shape == (64, 64)
    for left, right in ((10, 29), (30, 49)):
        assert x[16, left] == -1
        assert x[16, right] == 1
    assert (y[8, 12], y[23, 12]) == (-1, 1)
    assert (np.diff(x[16, 10:30]) > 0).all()
    assert (np.diff(y[8:24, 12]) > 0).all()


def test_ground_truth_maps_give_the_nuclei_back() -> None:
    """Touching nuclei are separated, typed, and the foreground is what the nucleus branch says, specks included."""
    patch = two_nuclei()
    made = family(network="sam-b", patch=256)
    targets = made.targets(patch)
    nucleus = targets["nucleus"].copy()
    nucleus[60, 60] = 1  # a speck
    output = {
        "nuclei_binary_map": torch.from_numpy(np.stack([1 - nucleus, nucleus])[None] * 20.0),
        "hv_map": torch.from_numpy(targets["hv"][None]),
        "nuclei_type_map": torch.nn.functional.one_hot(torch.from_numpy(targets["types"]).long(), 5).movedim(-1, 0)[
            None
        ],
    }
    found = made.decoder(made.maps(output)[0].movedim(0, -1).numpy().astype(np.float32))
    assert found.instances is not None
    assert found.types is not None
    assert found.foreground is not None
    assert found.types.tolist() == [1, 2]
    assert score_instances(patch.instances, found.instances).pq > 0.95
    assert found.foreground[60, 60]
    assert not found.instances[60, 60]
    np.testing.assert_array_equal(found.foreground, nucleus > 0)


def test_tissues_are_numbered_as_in_the_dataset_and_may_be_unknown() -> None:
    made, patch = family(), two_nuclei()
    numbers = [int(made.targets(patch._replace(tissue=tissue))["tissue"]) for tissue in ("skin", "bone", None)]
    assert numbers == [1, -1, -1]
    assert made.build()(torch.zeros(2, 32, 32, 3, dtype=torch.uint8))["tissue_types"].shape == (2, 3)
    for tissues in ((), ("colon",)):
        alone = CellViTFamily(config(), SUBJECT._replace(tissues=tissues), {}).build()
        assert "tissue_types" not in alone(torch.zeros(1, 32, 32, 3, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("length", "starts", "output"), [(256, [0], 256), (200, [0], 256), (300, [0, 192], 192), (1000, None, 192)]
)
def test_windows_have_the_size_of_patches(length: int, starts: list[int] | None, output: int) -> None:
    rows, columns, _ = CellViTFamily(CellViTConfig(), SUBJECT, {}).windows(length, 256)
    assert (rows.size, rows.output, columns.output) == (256, output, 256)
    assert starts is None or list(rows.starts) == starts


def test_draws_rare_tiles_more_often() -> None:
    records = [SampleRecord("a", "g", 64, 64, None, None, None, nuclei) for nuclei in ((4, 0), (3, 0), (1, 1))]
    weights = CellViTFamily.oversampling(CellViTConfig(), records)
    assert weights is not None
    assert weights[2] > weights[0] == weights[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"patch": 40},
        {"encoder_weights": Path("sam_vit_b.pth")},
        {"extra": {"elastic": 0.5}},
        {"network": "sam-b", "pretrained": Path("a"), "encoder_weights": Path("b")},
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict) -> None:
    with pytest.raises(ValidationError):
        config(**changes)


def test_sams_weights_are_found_in_a_folder(tmp_path: Path) -> None:
    published = CellViT(CellViTConfig())
    assert published.with_weights(tmp_path).config.encoder_weights is None
    assert published.with_weights(tmp_path).weights() == ()
    place = tmp_path / "models--timm--samvit_base_patch16.sa1b" / "snapshots" / "1"
    place.mkdir(parents=True)
    (place / "model.safetensors").write_bytes(b"")
    found = published.with_weights(tmp_path)
    assert found.config.encoder_weights == place / "model.safetensors"
    assert [needed.found for needed in found.weights()] == [True]
    assert CellViT(config()).with_weights(tmp_path).config.encoder_weights is None
    named = CellViT(CellViTConfig(encoder_weights=tmp_path / "mine.pth")).with_weights(tmp_path)
    assert [needed.reason for needed in named.weights()] == [f"no file {tmp_path / 'mine.pth'}"]


def test_the_small_encoder_is_what_the_branches_share() -> None:
    network = SmallCellViT(4, 3, 8, 1)
    frozen = {p for module in network.frozen() for p in module.parameters()}
    free = {name.split(".")[0] for name, p in network.named_parameters() if p not in frozen}
    assert free == {"up", "branches", "classifier_head"}


@pytest.mark.slow
def test_parameters_are_as_published() -> None:
    """SAM's ViT-B has 89.7 million parameters, of which 3.1 million are positions of 1024 px: 86 without them."""
    network = PublishedCellViT(5, 19)
    encoder = sum(p.numel() for p in network.encoder.parameters())
    assert encoder == 89_670_912
    assert 86 < (encoder - network.encoder.pos_embed.numel()) / 1e6 < 87
    assert sum(p.numel() for p in network.parameters()) == 146_094_557


@pytest.mark.slow
def test_one_step_and_one_prediction_at_paper(tmp_path: Path) -> None:
    published = CellViT(CellViTConfig(phases=(Phase(share=1, batch=1),)))
    data = NucleiDataset(1, 256)
    run = Run()
    published.fit(TrainingMix(data), Budget("steps", 1), tmp_path, run)
    assert np.isfinite(run.curves["cellvit/loss"][0])
    (found,) = published.predict([data[0].image], tmp_path, Run())
    assert found.instances is not None
    assert found.instances.shape == (256, 256)


@pytest.mark.slow
def test_sams_weights_load_in_all_three_layouts(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    encoder = SAMEncoder()
    made = tensors(shapes_of(encoder))
    theirs = {name.replace(".fc", ".lin"): value for name, value in made.items()}
    assert timm_names(theirs).keys() == made.keys()
    torch.save(
        {"image_encoder." + n: v for n, v in theirs.items()} | {"pixel_mean": torch.zeros(3)}, tmp_path / "a.pth"
    )
    torch.save(theirs, tmp_path / "b.pth")
    save_file(made, tmp_path / "c.safetensors")
    for name in ("a.pth", "b.pth", "c.safetensors"):
        torch.nn.init.zeros_(encoder.pos_embed)
        load_encoder(encoder, tmp_path / name)
        assert all(torch.equal(encoder.state_dict()[key], value) for key, value in made.items())
