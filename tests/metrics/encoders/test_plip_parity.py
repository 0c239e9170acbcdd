"""PLIP's architecture, randomly initialised and saved to disk: our similarity is that of transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from metrics.alignment import has_text, similarity
from metrics.encoders.shipped import PLIP
from tests.metrics.encoders.models import images, tokenizer_files

CAPTIONS = ["H&E, a gland", "stroma " * 40, "", "dense lymphocytes; high cellularity"]


def _save(folder, **towers):
    """Save a CLIPModel of 224 px, 77 tokens and 512 features as the hub lays out vinid/plip."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    vocab = tokenizer_files(folder)
    ends = {"bos_token_id": vocab["<|startoftext|>"], "eos_token_id": vocab["<|endoftext|>"]}
    text, vision = ({**towers.get(name, {})} for name in ("text", "vision"))
    config = CLIPConfig(
        text_config={**text, **ends, "pad_token_id": ends["eos_token_id"], "vocab_size": len(vocab)},
        vision_config=vision,
        projection_dim=512,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CLIPModel(config)
    model.config.save_pretrained(folder)
    save_file(
        {name: value.contiguous().clone() for name, value in model.state_dict().items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    CLIPTokenizer.from_pretrained(folder, model_max_length=77).save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)


def _theirs(folder, batch, captions, processor):
    """Return 100 times the cosine by transformers alone: `CLIPModel` on the output of a `CLIPProcessor`."""
    from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer

    model = CLIPModel.from_pretrained(folder).eval()
    whole = CLIPProcessor(image_processor=processor, tokenizer=CLIPTokenizer.from_pretrained(folder))
    inputs = whole(text=captions, images=list(batch), return_tensors="pt", padding=True, truncation=True, max_length=77)
    with torch.inference_mode():
        out = model(**inputs)
    return 100 * (out.image_embeds * out.text_embeds).sum(1).double().numpy()


def _compare(folder):
    from transformers import CLIPImageProcessorPil

    batch = images(4, 240, 301)
    made = PLIP(folder / "model.safetensors", "cpu")
    ours = similarity(made.images(batch), made.texts(CAPTIONS), has_text(CAPTIONS))
    theirs = _theirs(folder, batch, CAPTIONS, CLIPImageProcessorPil.from_pretrained(folder))
    captioned = has_text(CAPTIONS)
    assert np.isnan(ours.per_image[2])
    assert np.abs(ours.per_image - theirs)[captioned].max() < 1e-3, "1e-5 of a cosine"
    assert ours.value == pytest.approx(theirs[captioned].mean(), abs=1e-3)
    assert np.ptp(theirs) > 0.01, "images and captions must differ"


def test_a_small_plip_gives_the_similarity_of_transformers(tmp_path):
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    _save(tmp_path, text=tower, vision=tower)
    _compare(tmp_path)


@pytest.mark.slow
def test_a_plip_of_the_published_size_gives_the_similarity_of_transformers(tmp_path):
    _save(tmp_path)  # ViT-B/32 and a text tower of 12 layers, the defaults of transformers
    _compare(tmp_path)


def test_the_processor_in_torch_differs_by_rounding_only():
    """The default processor of transformers 5 resizes in torch, PIL in 8 bits: one grey level at most, mostly none."""
    from transformers import CLIPImageProcessor, CLIPImageProcessorPil

    batch = list(images(2, 240, 301))
    settings = {"do_normalize": False, "do_rescale": False}
    both = [
        np.stack([np.asarray(one, np.float64) for one in kind(**settings)(batch, return_tensors="np")["pixel_values"]])
        for kind in (CLIPImageProcessor, CLIPImageProcessorPil)
    ]
    assert np.abs(both[0] - both[1]).max() <= 1
