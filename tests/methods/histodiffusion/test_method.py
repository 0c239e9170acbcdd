"""HistoDiffusion as a method: plans, what stays frozen, samples, resuming."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench.contract import Condition, Dataset
from bench.errors import DataError
from methods.diffusion.config import DiffusionSettings
from methods.diffusion.sampling import NoiseSource, Sampler
from methods.diffusion.schedule import NoiseSchedule, betas
from methods.histodiffusion import HistoDiffusion, HistoDiffusionConfig
from methods.histodiffusion.classifiers import noised
from methods.latent.autoencoder import load_codec
from methods.latent.unet import load_denoiser
from methods.sdm.render import image_arrays
from tests import toy
from tests.methods.histodiffusion.presets import tiny
from tests.methods.latent.presets import KilledError, Stripes, Unlabelled

DATA: dict[str, Dataset] = {"train": Stripes(9, 32), "pool": Unlabelled(12, 32, seed=1)}


def _method(**changes: object) -> HistoDiffusion:
    return HistoDiffusion(HistoDiffusionConfig.model_validate(tiny(**changes)))


def _fit(method: HistoDiffusion, root: Path, run: toy.Run | None = None, only: str | None = None) -> dict[str, Path]:
    fitted: dict[str, Path] = {}
    for part in method.parts():
        out = root / part.name
        out.mkdir(exist_ok=True, parents=True)
        if only in (None, part.name):
            needed = {name: fitted[name] for name in part.needs}
            method.fit(part, {role: DATA[role] for role in part.reads}, needed, out, run or toy.Run())
        fitted[part.name] = out
    return fitted


def _hashes(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return _fit(_method(), tmp_path_factory.mktemp("histodiffusion"))


def _conditions(method: HistoDiffusion, n: int = 4) -> list[Condition]:
    return list(method.plan(DATA, n, np.random.default_rng(0)))


def test_labels_are_even_over_classes() -> None:
    conditions = _conditions(_method(), 11)
    assert sorted(Counter(c.label for c in conditions).values()) == [3, 4, 4]
    assert len({c.id for c in conditions}) == len({c.seed for c in conditions}) == 11
    assert all(c.kind == "class" and not c.sources and c.instances is None for c in conditions)
    assert conditions == _conditions(_method(), 11)


def test_a_dataset_without_classes_is_refused() -> None:
    with pytest.raises(DataError, match="image-level classes"):
        next(_method().plan({"train": toy.NucleiDataset(1, 32)}, 1, np.random.default_rng(0)))


def test_fine_tuning_changes_the_decoder_alone(fitted: dict[str, Path], tmp_path: Path) -> None:
    """Spec section 14, item 7."""
    frozen = ("autoencoder", "latent-diffusion", "image-classifier")
    before = {name: _hashes(fitted[name]) for name in frozen}
    part = next(part for part in _method().parts() if part.name == "decoder")
    _method().fit(part, {"train": DATA["train"]}, fitted, tmp_path, toy.Run())
    assert {name: _hashes(fitted[name]) for name in frozen} == before
    file = "autoencoder/diffusion_pytorch_model.safetensors"
    old, new = load_file(fitted["autoencoder"] / file), load_file(tmp_path / file)
    changed = {name.split(".")[0] for name in old if not torch.equal(old[name], new[name])}
    assert changed == {"decoder", "post_quant_conv"}
    assert old.keys() == new.keys()
    scales = [load_codec(folder, toy.Run()).scale for folder in (fitted["autoencoder"], tmp_path)]
    assert scales[0] == scales[1]


def test_guidance_0_is_unconditional_sampling_of_the_same_noise(fitted: dict[str, Path]) -> None:
    """Spec section 14, item 7: against the sampler itself, which knows no classes."""
    method, run = _method(guidance_scale=0.0), toy.Run()
    conditions = _conditions(method)
    drawn = list(method.render(conditions, DATA, fitted, run))
    denoiser, flags = load_denoiser(fitted["latent-diffusion"], run)
    diffusion: DiffusionSettings = flags.part.diffusion
    sampler, noise = (
        Sampler(diffusion, method.config.sampler, NoiseSchedule(betas(diffusion))),
        NoiseSource([c.seed for c in conditions]),
    )
    latents = sampler.run(lambda x, t: denoiser(x, torch.full((len(x),), t)), noise.draw(flags.shape), noise)
    with torch.no_grad():
        expected = list(image_arrays(load_codec(fitted["decoder"], run).decode(latents)))
    assert all(np.array_equal(a, b) for a, b in zip(drawn, expected, strict=True))
    assert drawn[0].shape == (32, 32, 3)
    guided = list(_method(guidance_scale=20.0).render(conditions, DATA, fitted, run))
    assert all(not np.array_equal(a, b) for a, b in zip(drawn, guided, strict=True))


@pytest.mark.parametrize("changes", [{}, {"sampler": {"eta": 1.0}}])
def test_neighbours_in_a_batch_change_nothing(fitted: dict[str, Path], changes: dict[str, object]) -> None:
    method = _method(**changes)
    conditions = _conditions(method, 5)
    together = list(method.render(conditions, DATA, fitted, toy.Run()))
    alone = [next(method.render([c], DATA, fitted, toy.Run())) for c in conditions]
    assert max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(together, alone, strict=True)) <= 1


def test_the_pre_trained_decoder_decodes_without_fine_tuning(fitted: dict[str, Path]) -> None:
    without, conditions = _method(finetune=False), _conditions(_method())
    kept = {name: fitted[name] for name in ("autoencoder", "latent-diffusion", "latent-classifier")}
    plain = list(without.render(conditions, DATA, kept, toy.Run()))
    tuned = list(_method().render(conditions, DATA, fitted, toy.Run()))
    assert all(not np.array_equal(a, b) for a, b in zip(plain, tuned, strict=True))


def test_an_unknown_class_is_named(fitted: dict[str, Path]) -> None:
    condition = Condition(id="odd", kind="class", seed=0, label=3)
    with pytest.raises(DataError, match="Condition odd needs a class from 0 to 2"):
        next(_method().render([condition], DATA, fitted, toy.Run()))


def test_the_classifier_sees_noised_latents_in_the_papers_profile(
    fitted: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from methods.histodiffusion import classifiers

    seen: list[tuple[float, torch.Tensor]] = []

    def watch(*given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, times = noised(*given)  # type: ignore[arg-type]
        seen.append((float((x - given[0]).abs().mean()), times))
        return x, times

    monkeypatch.setattr(classifiers, "noised", watch)
    for name, changes in (("paper", {}), ("clean", {"noised_classifier": False})):
        seen.clear()
        method = _method(latent_classifier={"training": {"steps": 12}}, **changes)
        (tmp_path / name).mkdir()
        part = method.parts()[-1]
        method.fit(part, DATA, {"autoencoder": fitted["autoencoder"]}, tmp_path / name, toy.Run())
        times = torch.cat([t for _, t in seen])
        if name == "paper":
            assert min(change for change, _ in seen) > 0.1
            assert int(times.min()) < 150
            assert int(times.max()) > 850
        else:
            assert max(change for change, _ in seen) == 0
            assert set(times.tolist()) == {0}


def test_noising_follows_the_schedule() -> None:
    schedule, generator = NoiseSchedule(np.linspace(0.01, 0.2, 10)), torch.Generator().manual_seed(0)
    x, times = noised(torch.ones(2, 1, 64, 64), torch.tensor([0, 9]), schedule, generator)
    assert times.tolist() == [0, 9]
    for image, step in zip(x, (0, 9), strict=True):
        assert float(image.mean()) == pytest.approx(schedule.signal[step], abs=0.05)
        assert float(image.std()) == pytest.approx(schedule.noise[step], abs=0.05)


class _Dying(toy.Run):
    """A run that dies in the third step of a stage."""

    stage = ""

    def curve(self, name: str, step: int, value: float) -> None:
        if step == 2 and name == f"{self.stage}/loss":
            raise KilledError
        super().curve(name, step, value)


@pytest.mark.parametrize("name", ["image-classifier", "decoder", "latent-classifier"])
def test_a_killed_part_goes_on_to_the_same_weights(fitted: dict[str, Path], tmp_path: Path, name: str) -> None:
    method, run = _method(), _Dying()
    run.stage = name
    part = next(part for part in method.parts() if part.name == name)
    data = {role: DATA[role] for role in part.reads}
    with pytest.raises(KilledError):
        method.fit(part, data, fitted, tmp_path, run)
    assert (tmp_path / "checkpoint.pt").exists()
    method.fit(part, data, fitted, tmp_path, toy.Run())
    found, whole = (sorted(folder.rglob("*.safetensors")) for folder in (tmp_path, fitted[name]))
    assert len(found) == len(whole) == 1
    a, b = load_file(found[0]), load_file(whole[0])
    assert all(torch.equal(a[key], b[key]) for key in a)
