"""The frozen text tower: one window as transformers computes it, two as PathLDM's release does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import CLIPModel, CLIPTokenizer

from bench.errors import DataError
from methods.text.config import PART, SIZES
from methods.text.tower import load_tower
from methods.text.training import train_caption_encoder
from tests import toy
from tests.methods.text.captions import CaptionedDataset

LONG = "H&E, " + ", ".join(["pink striped tissue"] * 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("encoder")
    train_caption_encoder(SIZES["tiny"], CaptionedDataset(12, 48), out, toy.Run())
    return out / PART


def test_one_window_is_the_hidden_state_of_transformers(folder: Path) -> None:
    captions = ["H&E, pink tissue; striped.", "", LONG]
    tower = load_tower(folder, 1, toy.Run())
    tokens = CLIPTokenizer.from_pretrained(folder)(
        captions, padding="max_length", truncation=True, max_length=tower.length, return_tensors="pt"
    )
    with torch.inference_mode():
        expected = CLIPModel.from_pretrained(folder).eval().text_model(**tokens).last_hidden_state
    assert (tower.length, tower.width) == (32, 32)
    torch.testing.assert_close(tower.context(captions), expected, atol=1e-5, rtol=1e-5)


def test_the_second_window_counts_positions_anew_and_sees_the_first(folder: Path) -> None:
    tower = load_tower(folder, 2, toy.Run())
    one, two = load_tower(folder, 1, toy.Run()).context([LONG]), tower.context([LONG])
    assert two.shape == (1, 64, 32)
    torch.testing.assert_close(two[:, :31], one[:, :31])  # token 31 is the end in one window
    changed = tower.context([LONG.replace("H&E", "IHC")])
    assert not torch.allclose(changed[:, 40], two[:, 40]), "the second window reads the first"


def test_positions_count_anew_in_every_window(folder: Path) -> None:
    """By hand: position k mod 32, causal attention over all 64 tokens."""
    tower = load_tower(folder, 2, toy.Run())
    text = CLIPModel.from_pretrained(folder).eval().text_model
    ids = torch.tensor([CLIPTokenizer.from_pretrained(folder)(LONG, truncation=True, max_length=64).input_ids])
    embedded = (
        text.embeddings.token_embedding(ids)
        + text.embeddings.position_embedding.weight[torch.arange(ids.shape[1]) % 32]
    )
    layer, t = text.encoder.layers[0], ids.shape[1]
    x = layer.layer_norm1(embedded)
    queries, keys, values = (
        project(x).view(t, 2, 16).transpose(0, 1)
        for project in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj)
    )
    logits = (queries @ keys.transpose(1, 2) / 4).masked_fill(~torch.ones(t, t).tril().bool(), -torch.inf)
    embedded = embedded + layer.self_attn.out_proj((logits.softmax(-1) @ values).transpose(0, 1).reshape(1, t, 32))
    states = text.final_layer_norm(embedded + layer.mlp(layer.layer_norm2(embedded)))
    assert 40 < t <= 64
    torch.testing.assert_close(tower.context([LONG])[:, :t], states.detach(), atol=1e-5, rtol=1e-5)


def test_captions_do_not_depend_on_their_batch(folder: Path) -> None:
    tower, captions = load_tower(folder, 2, toy.Run()), [f"H&E, pink tissue {n}." for n in range(70)]
    torch.testing.assert_close(tower.context(captions)[66:67], tower.context(captions[66:67]), atol=1e-5, rtol=1e-5)


def test_the_tower_is_frozen(folder: Path) -> None:
    assert not load_tower(folder, 1, toy.Run()).context([""]).requires_grad


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="text tower"):
        load_tower(tmp_path, 1, toy.Run())
