"""The network as the harness uses it: learns, selects, resumes bit for bit, predicts any size from its folder."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from bench.contract import Budget, Downstream, TrainingMix
from bench.errors import ConfigError, DataError, MissingError
from bench.training import LossTask
from downstream.vit import Recipe, ViT, ViTConfig, ViTPretrained
from downstream.vit import fit as fitting
from downstream.vit.config import ViTPretrainedConfig
from tests.toy import Run
from tests.toy_textures import TextureDataset

PLAIN = Recipe(symmetries="none", crop=(1.0, 1.0), operations=0, erasing=0, mixup=0, cutmix=0, smoothing=0, drop_path=0)


def config(**changes) -> ViTConfig:
    values = {
        "network": "small",
        "size": 32,
        "width": 48,
        "depth": 2,
        "batch": 12,
        "learning_rate": 3e-3,
        "ema": 0.9,
        "evaluations": 5,
        "recipe": PLAIN,
    }
    return ViTConfig(**(values | changes))


ALL = {"selection": "last", "holdout": 0}  # nothing held out


def trained(network: ViT, data: TextureDataset, steps: int, out: Path, run: Run | None = None) -> Run:
    out.mkdir(exist_ok=True)
    run = run or Run()
    network.fit(TrainingMix(data), Budget("steps", steps), out, run)
    return run


def accuracy(data: TextureDataset, out: Path) -> float:
    found = ViT(ViTConfig()).predict((s.image for s in data.samples), out, Run())
    return float(np.mean([p.scores.argmax() == s.label for p, s in zip(found, data.samples, strict=True)]))


def settings(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())


def test_is_imported_without_torch() -> None:
    code = "import sys, downstream.vit; print(sorted({'torch', 'timm', 'sklearn', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert isinstance(ViT(config()), Downstream)


def test_overfits_textures_that_colour_cannot_tell_and_knows_new_ones(tmp_path: Path) -> None:
    data = TextureDataset(16)
    run = trained(ViT(config(**ALL)), data, 400, tmp_path)
    curve = run.curves["vit/loss"]
    assert np.mean([curve[k] for k in range(390, 400)]) < 0.2 * curve[0]
    assert accuracy(data, tmp_path) > 0.95
    assert accuracy(TextureDataset(16, seed=1, split="test"), tmp_path) > 0.8
    assert "hold-out/accuracy" not in run.curves


def test_permuted_labels_give_chance(tmp_path: Path) -> None:
    data = TextureDataset(16)
    labels = np.random.default_rng(0).permutation(data.labels)
    data.samples = [replace(sample, label=int(label)) for sample, label in zip(data.samples, labels, strict=True)]
    trained(ViT(config(**ALL)), data, 60, tmp_path)
    assert accuracy(TextureDataset(16, seed=1, split="test"), tmp_path) < 0.6


def test_class_order_is_the_datasets(tmp_path: Path) -> None:
    data = TextureDataset(8, kind="colour")
    data.samples.reverse()
    trained(ViT(config(**ALL)), data, 40, tmp_path)
    assert settings(tmp_path)["classes"] == list(data.info.labels)
    for label in range(3):
        one = TextureDataset(4, seed=2, kind="colour")
        one.samples = [sample for sample in one.samples if sample.label == label]
        assert accuracy(one, tmp_path) == 1


def test_no_image_of_a_held_out_group_is_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, copies = TextureDataset(8), TextureDataset(8)
    group = {sample.image.tobytes(): sample.group for sample in data.samples}
    shown, held = set(), set()
    plain, score = fitting.augment, fitting.Selection._score

    def spy(image, *arguments):
        shown.add(group[image.tobytes()])
        return plain(image, *arguments)

    def score_spy(self, model):
        held.update(group[self._held[k].tobytes()] for k in range(len(self._held)))
        return score(self, model)

    monkeypatch.setattr(fitting, "augment", spy)
    monkeypatch.setattr(fitting.Selection, "_score", score_spy)
    ViT(config()).fit(TrainingMix(data, copies, 0.5), Budget("steps", 6), tmp_path, Run())
    assert len(held) == 1
    assert shown == set(data.groups) - held


def test_best_checkpoint_is_the_one_of_the_curve(tmp_path: Path) -> None:
    data, labels = TextureDataset(24, groups_apart=True), np.random.default_rng(0).integers(3, size=72)
    # labels without sense: the longer it learns them, the surer it is where it is wrong
    data.samples = [replace(sample, label=int(label)) for sample, label in zip(data.samples, labels, strict=True)]
    run = trained(ViT(config(holdout=0.25, evaluations=12, learning_rate=5e-3)), data, 180, tmp_path / "best")
    accuracies, losses = (run.curves[f"hold-out/{name}"] for name in ("accuracy", "cross-entropy"))
    assert list(accuracies) == [15 * k for k in range(1, 13)]
    best = max(accuracies, key=lambda step: (accuracies[step], -losses[step]))
    assert best < 180
    selected, held = settings(tmp_path / "best")["selected"], np.round(0.25 * np.bincount(labels)).sum()
    assert selected == {
        "after_step": best,
        "hold_out": {"images": held, "accuracy": accuracies[best], "cross_entropy": losses[best]},
    }
    last = trained(
        ViT(config(holdout=0.25, evaluations=12, learning_rate=5e-3, selection="last")), data, 180, tmp_path / "last"
    )
    assert last.curves == run.curves  # looking changes nothing
    chosen, final = (load_file(tmp_path / name / "weights.safetensors") for name in ("best", "last"))
    assert any(not torch.equal(chosen[name], final[name]) for name in chosen)
    state = torch.load(tmp_path / "best" / "checkpoint.pt", weights_only=True)
    assert all(torch.equal(chosen[name], value) for name, value in state["watcher"]["weights"].items())


def test_killed_training_goes_on_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = TextureDataset(6)
    # the release's whole recipe: everything that draws random numbers is on
    network = ViT(config(batch=4, recipe=Recipe(), evaluations=8))
    whole = trained(network, data, 8, tmp_path / "whole")
    step = LossTask.step

    def dies(self: LossTask, fabric, batch, number: int, generator):
        if number == 5:
            raise KeyboardInterrupt
        return step(self, fabric, batch, number, generator)

    monkeypatch.setattr(LossTask, "step", dies)
    run = Run()
    with pytest.raises(KeyboardInterrupt):
        trained(network, data, 8, tmp_path / "killed", run)
    monkeypatch.undo()
    assert not (tmp_path / "killed" / "weights.safetensors").exists()
    trained(network, data, 8, tmp_path / "killed", run)
    for name in ("weights.safetensors", "config.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    assert run.curves == whole.curves


def test_weights_depend_on_seed_and_mix_alone(tmp_path: Path) -> None:
    found = {}
    for name, fraction, seed in (("a", 0.5, 0), ("b", 0.5, 0), ("c", 0.5, 1), ("d", 0.0, 0)):
        (tmp_path / name).mkdir()
        torch.manual_seed(len(found))  # the state of the global generators must not matter
        mix = TrainingMix(TextureDataset(6), TextureDataset(4, seed=3, split="made"), fraction)
        ViT(config(batch=4, recipe=Recipe())).fit(mix, Budget("steps", 2), tmp_path / name, Run(seed=seed))
        found[name] = (tmp_path / name / "weights.safetensors").read_bytes()
    assert found["a"] == found["b"]
    assert len({found["a"], found["c"], found["d"]}) == 3


def test_predicts_any_size_and_features_are_what_the_head_reads(tmp_path: Path) -> None:
    trained(ViT(config(width=32, **ALL)), TextureDataset(2), 3, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"weights.safetensors", "config.json", "checkpoint.pt"}
    other = ViT(ViTConfig())  # the folder says which network it is
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((32, 32), (20, 75), (130, 61), (64, 64))]
    scores = np.stack([p.scores for p in other.predict(iter(images), tmp_path, Run())])
    assert scores.dtype == np.float32
    assert scores.shape == (4, 3)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-6)
    features = other.features(iter(images), tmp_path, Run())
    assert features.dtype == np.float32
    assert features.shape == (4, 32)
    weights = load_file(tmp_path / "weights.safetensors")
    logits = torch.from_numpy(features) @ weights["vit.head.weight"].T + weights["vit.head.bias"]
    np.testing.assert_allclose(logits.softmax(1).numpy(), scores, atol=1e-5)
    # A norm's output: the class token was normalised, so its mean over channels is the norm's own offset.
    alone = next(iter(other.predict([images[2]], tmp_path, Run()))).scores
    np.testing.assert_allclose(alone, scores[2], atol=1e-6)
    assert other.features([], tmp_path, Run()).shape == (0, 32)


def test_epochs_count_real_images_left_to_train_on_and_their_share(tmp_path: Path) -> None:
    data, made = TextureDataset(8), TextureDataset(8, seed=1, split="made")  # 24 images in 4 groups, 6 held out
    for fraction, steps in ((0.0, 6), (0.5, 12)):
        folder = tmp_path / str(fraction)
        folder.mkdir()
        mix = TrainingMix(data, made, fraction)
        ViT(config(batch=9)).fit(mix, Budget("epochs", 3), folder, Run())
        assert settings(folder)["steps"] == steps
        assert ViT(config(batch=9, holdout=0.25)).steps(mix, Budget("epochs", 3)) == steps


def test_pretrained_weights_come_from_a_file_with_a_head_of_our_own(tmp_path: Path) -> None:
    from safetensors.torch import save_file
    from timm.models import create_model

    from downstream.vit.build import build

    path = tmp_path / "weights.safetensors"
    options = {"network": "vit_tiny_patch16_224", "size": 32, "normalisation": "half"}
    donor = create_model("vit_tiny_patch16_224", num_classes=5, img_size=64).state_dict()
    save_file(donor, path)
    network = build(ViTConfig(pretrained=path, **options), 3)
    own = network.vit.state_dict()
    assert own["head.weight"].shape == (3, 192)
    assert own["pos_embed"].shape == (1, 1 + 4, 192)  # interpolated from 16 places
    assert torch.equal(own["blocks.3.mlp.fc1.weight"], donor["blocks.3.mlp.fc1.weight"])
    save_file({"cls_token": donor["cls_token"]}, path)
    with pytest.raises(DataError, match="absent or have another shape"):
        build(ViTConfig(pretrained=path, **options), 3)


def test_missing_weights_are_named_before_anything_is_trained(tmp_path: Path) -> None:
    network = ViTPretrained(ViTPretrainedConfig())
    (needed,) = network.weights()
    assert not needed.found
    assert "vit_base_patch16_224" in needed.name
    with pytest.raises(
        MissingError, match=r"neither a file nor a folder of weights was named.*downstream.vit-pretrained.pretrained"
    ):
        trained(network, TextureDataset(2), 1, tmp_path)
    absent = ViT(ViTConfig(pretrained=tmp_path / "absent.pth"))
    assert "absent.pth" in absent.weights()[0].reason
    assert ViT(ViTConfig()).weights() == ()


def test_misfits_are_explained(tmp_path: Path) -> None:
    for wrong in (
        {"size": 30},
        {"width": 50},
        {"pretrained": Path("x")},
        {"holdout": 0},
        {"rate": 1},
    ):
        with pytest.raises(ValidationError):
            config(**wrong)
    for name in ("resnet50", "vit_huge_of_nobody"):
        with pytest.raises(ConfigError, match="vision transformer of timm"):
            trained(ViT(config(network=name)), TextureDataset(4), 1, tmp_path)
    unlabelled = TextureDataset(4)
    unlabelled.samples[5] = replace(unlabelled.samples[5], label=None)
    with pytest.raises(DataError, match=r"class in 0\.\.2"):
        trained(ViT(config()), unlabelled, 1, tmp_path)
    single = TextureDataset(2)
    with pytest.raises(DataError, match="several groups"):
        trained(ViT(config()), single, 1, tmp_path)
