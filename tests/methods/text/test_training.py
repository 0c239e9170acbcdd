"""The caption encoder: the folder it writes, determinism, resuming, what it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer

from bench.errors import DataError
from methods.text.captioned import Captioned, squared
from methods.text.config import PART, SIZES, CaptionEncoderPart, TextTowerSettings
from methods.text.training import contrastive_loss, train_caption_encoder
from tests import toy
from tests.methods.latent.presets import KilledError
from tests.methods.text.captions import CaptionedDataset

TINY = SIZES["tiny"]


def _train(out: Path, part: CaptionEncoderPart = TINY, run: toy.Run | None = None) -> Path:
    out.mkdir(exist_ok=True)
    train_caption_encoder(part, CaptionedDataset(12, 48), out, run or toy.Run())
    return out / PART


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _train(tmp_path_factory.mktemp("encoder"))


def test_the_tiny_size_is_tiny() -> None:
    settings = TextTowerSettings(encoder="tiny")
    assert settings.trained == TINY
    assert TINY.part.reads == {"text"}
    assert TextTowerSettings().trained is None


def test_transformers_opens_the_folder(folder: Path) -> None:
    model, processor = CLIPModel.from_pretrained(folder), CLIPProcessor.from_pretrained(folder)
    assert sum(value.numel() for value in model.parameters()) < 100_000
    tile = CaptionedDataset(1, 48)[0]
    inputs = processor(text=[tile.caption], images=[tile.image], return_tensors="pt", padding=True)
    assert inputs.pixel_values.shape == (1, 3, 32, 32)
    assert model(**inputs).logits_per_image.isfinite().all()


def test_the_tokenizer_reads_back_what_was_said(folder: Path) -> None:
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    assert tokenizer.model_max_length == TINY.network.length
    ids = tokenizer("H&E, pink tissue; striped.").input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "h & e , pink tissue ; striped ."
    assert len(ids) < 16, "words of the captions must be few tokens"
    assert tokenizer.unk_token_id not in tokenizer("naïve 42 µm", add_special_tokens=False).input_ids


def test_the_same_seed_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    again = _train(tmp_path)
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_a_killed_training_continues(folder: Path, tmp_path: Path) -> None:
    class Killed(toy.Run):
        def curve(self, name: str, step: int, value: float) -> None:
            if step == 5:
                raise KilledError

    with pytest.raises(KilledError):
        _train(tmp_path, run=Killed())
    resumed, whole = load_file(_train(tmp_path) / "model.safetensors"), load_file(folder / "model.safetensors")
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_true_captions_are_never_negatives(folder: Path) -> None:
    dataset = CaptionedDataset(12, 48)
    batch = Captioned(dataset, CLIPTokenizer.from_pretrained(folder), TINY).batch(0, np.random.default_rng(0))
    match = batch["match"]
    assert (np.diag(match) == 1).all(), "an image's own caption is true of it"
    assert 0 < match.mean() < 1
    assert (match.sum(1) > 1).any(), "some images share a caption, or a clause that was drawn"


def test_the_loss_does_not_push_equal_captions_apart() -> None:
    class Given(torch.nn.Module):
        def forward(self, **inputs: object) -> object:
            return type("Output", (), {"logits_per_text": logits})

    batch = {"image": torch.zeros(4, 3, 2, 2), "tokens": torch.zeros(4, 5), "match": torch.eye(2).repeat(2, 2)}
    logits = 50 * batch["match"]
    own = contrastive_loss(Given(), batch, torch.Generator())["loss"]
    torch.testing.assert_close(own, torch.tensor(2.0).log())  # the smallest possible with two equal captions each
    logits = 50 * torch.eye(4)
    assert contrastive_loss(Given(), batch, torch.Generator())["loss"] > 10


def test_a_dataset_without_captions_is_refused(tmp_path: Path) -> None:
    class Silent(CaptionedDataset):
        def __post_init__(self) -> None:
            super().__post_init__()
            self.samples = [toy.Sample(s.id, s.image, s.group, s.mpp) for s in self.samples]

    with pytest.raises(DataError, match="no captions"):
        train_caption_encoder(TINY, Silent(3, 48), tmp_path, toy.Run())


def test_captions_without_an_image_are_not_trained_on(tmp_path: Path) -> None:
    class Sparse(CaptionedDataset):
        with_image = 6

        def __post_init__(self) -> None:
            super().__post_init__()
            for place, sample in list(enumerate(self.samples))[self.with_image :]:
                self.samples[place] = replace(sample, image=np.zeros((0, 0, 3), np.uint8))

    class Textual(Sparse):
        with_image = 0

    train_caption_encoder(TINY, Sparse(12, 48), tmp_path, toy.Run())
    assert (tmp_path / PART / "model.safetensors").is_file()
    with pytest.raises(DataError, match="no images of its captions"):
        train_caption_encoder(TINY, Textual(3, 48), tmp_path, toy.Run())


def test_whole_images_are_resized_as_clip_does() -> None:
    from transformers import CLIPImageProcessor

    image = np.random.default_rng(0).integers(0, 256, (50, 75, 3)).astype(np.uint8)
    processor = CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, do_rescale=False, do_normalize=False
    )
    expected = np.asarray(processor(image, return_tensors="np").pixel_values[0]).transpose(1, 2, 0)
    assert np.abs(squared(image, 32) - expected.astype(float)).max() <= 1
