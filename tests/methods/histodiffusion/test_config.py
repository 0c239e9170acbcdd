"""Settings: published values, the two profiles, what parts depend on."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from methods.histodiffusion import HistoDiffusion, HistoDiffusionConfig
from tests.methods.histodiffusion.presets import tiny


def _part(name: str, **changes: object) -> object:
    parts = HistoDiffusion(HistoDiffusionConfig.model_validate(tiny(**changes))).parts()
    return next(part for part in parts if part.name == name)


def test_published_values() -> None:
    config = HistoDiffusionConfig()
    assert (config.guidance_scale, config.sampler.steps, config.sampler.eta, config.sampler.clip) == (1, 200, 0, False)
    assert config.noised_classifier
    latent, image = config.latent_classifier.training, config.image_classifier.training
    assert (latent.batch_size, latent.epochs, latent.learning_rate, latent.weight_decay) == (32, 100, 5e-5, 0.05)
    assert (image.batch_size, image.epochs, image.learning_rate) == (64, 100, 5e-5)
    decoder = config.decoder
    assert (decoder.batch_size, decoder.epochs, decoder.learning_rate, decoder.classification_weight) == (
        4,
        50,
        5e-5,
        1,
    )
    diffusion = config.latent_diffusion.diffusion
    assert (diffusion.schedule, diffusion.beta_start, diffusion.beta_end) == ("sqrt-linear", 0.0015, 0.0155)
    assert [arm.title for arm in config.selection][:2] == ["random 50%", "centroid 50%"]


def test_both_classifiers_attend_at_an_eighth_and_a_sixteenth_of_the_side() -> None:
    config = HistoDiffusionConfig.model_validate({"image_classifier": {"network": {"width": 64}}})
    side = config.patch_size
    assert config.image_classifier.network.attention_sizes == (side // 8, side // 16)
    side //= config.autoencoder.network.factor
    assert config.latent_classifier.network.attention_sizes == (side // 8, side // 16)


def test_what_is_not_set_stays_published() -> None:
    changed = {"latent_diffusion": {"diffusion": {"prediction": "v"}}, "image_classifier": {"training": {"steps": 3}}}
    config = HistoDiffusionConfig.model_validate(changed)
    diffusion, training = config.latent_diffusion.diffusion, config.image_classifier.training
    assert (diffusion.schedule, diffusion.beta_end, diffusion.learned_variance) == ("sqrt-linear", 0.0155, False)
    assert (training.batch_size, training.anneal) == (64, False)
    assert config.sampler.steps == 200


def test_the_repositorys_profile() -> None:
    config = HistoDiffusionConfig(profile="repo_compat")
    assert (config.guidance_scale, config.sampler.steps, config.sampler.eta) == (10, 50, 1)
    assert (config.noised_classifier, config.level_index) == (False, "t//20")
    assert config.latent_diffusion.training.loss == "l1"
    assert config.latent_classifier_part.diffusion is None


def test_what_is_set_wins_over_the_profile() -> None:
    config = HistoDiffusionConfig.model_validate(
        {"profile": "repo_compat", "guidance_scale": 3.0, "sampler": {"steps": 100}}
    )
    assert (config.guidance_scale, config.sampler.steps, config.sampler.eta) == (3, 100, 1)
    assert HistoDiffusionConfig.model_validate(config.model_dump()) == config


def test_parts_of_variants() -> None:
    def names(**changes: object) -> list[str]:
        return [p.name for p in HistoDiffusion(HistoDiffusionConfig.model_validate(tiny(**changes))).parts()]

    full = ["autoencoder", "latent-diffusion", "image-classifier", "decoder", "latent-classifier"]
    assert names() == full
    assert names(finetune=False) == ["autoencoder", "latent-diffusion", "latent-classifier"]
    assert names(pretrain=False) == full


def test_roles_of_variants() -> None:
    full, alone = (HistoDiffusion(HistoDiffusionConfig.model_validate(tiny(pretrain=p))) for p in (True, False))
    assert full.roles == {"train", "pool"}
    assert alone.roles == {"train"}
    assert [sorted(part.reads) for part in full.parts()] == [["pool"], ["pool"], ["train"], ["train"], ["train"]]
    assert all(part.reads == {"train"} for part in alone.parts())


@pytest.mark.parametrize("name", ["autoencoder", "latent-diffusion", "image-classifier", "latent-classifier"])
def test_parts_are_shared_by_variants(name: str) -> None:
    assert _part(name) == _part(name, finetune=name == "image-classifier", guidance_scale=7.0)
    assert _part(name) == _part(name, sampler={"steps": 8}, decoder={"steps": 3})


def test_the_classifier_of_clean_latents_is_another_part() -> None:
    assert _part("latent-classifier") != _part("latent-classifier", noised_classifier=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"patch_size": 30},
        {"profile": "repo_compat"},
        {"latent_classifier": {"network": {"multipliers": [1] * 6}}},
        {"image_classifier": {"network": {"multipliers": [1] * 7}}},
        {"unknown": 1},
        {"autoencoder": {"training": {"crop": 64}}},
        {"autoencoder": {"training": {"crop": 9}}},
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HistoDiffusionConfig.model_validate(tiny(**changes))
