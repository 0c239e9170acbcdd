"""Small networks of every family with random weights, saved as their publishers save them."""

from __future__ import annotations

import json

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

CLIP_SIZE, DINO_SIZE, COCA_SIZE = 32, 28, 32
LENGTH = 12


def images(n=3, h=60, w=75, seed=0):
    """Smooth images: what differs after resizing is not noise alone."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 6, 6, 3), dtype=np.uint8)
    rows, columns = np.arange(h) * 6 // h, np.arange(w) * 6 // w
    return np.clip(coarse[:, rows][:, :, columns] + rng.normal(0, 12, (n, h, w, 3)), 0, 255).astype(np.uint8)


def shaken(network):
    """Draw every parameter anew: zero biases and unit scales of a fresh network would hide what is left out."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    return network.eval()


def save_timm(folder, name, file, **options):
    """Save a network of timm with its classifier."""
    import timm

    state = shaken(timm.create_model(name, pretrained=False, **options)).state_dict()
    save_state(state, folder / file)


def save_state(state, path):
    if path.suffix == ".safetensors":
        save_file({key: value.contiguous().clone() for key, value in state.items()}, str(path))
    else:
        torch.save(state, path)


def load_state(path):
    return load_file(str(path)) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


def save_clip(folder):
    """Save a CLIPModel with a tokenizer as the hub lays it out, positions among the weights as old files have them."""
    from transformers import CLIPConfig, CLIPModel

    vocab = tokenizer_files(folder)
    tower = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = tower | {"vocab_size": len(vocab), "max_position_embeddings": LENGTH}
    text |= {"bos_token_id": vocab["<|startoftext|>"], "eos_token_id": vocab["<|endoftext|>"]}
    vision = tower | {"image_size": CLIP_SIZE, "patch_size": 8}
    model = shaken(CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)))
    model.config.save_pretrained(folder)
    positions = {f"{tower}_model.embeddings.position_ids": torch.arange(4)[None] for tower in ("text", "vision")}
    save_state({**model.state_dict(), **positions}, folder / "pytorch_model.bin")


def tokenizer_files(folder):
    """Write vocab.json and merges.txt of a tokenizer that knows single letters."""
    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324))]
    tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocab = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return vocab


def save_dinov2(folder):
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=DINO_SIZE, patch_size=14, mlp_ratio=2
    )
    model = shaken(Dinov2Model(config))
    model.config.save_pretrained(folder)
    save_state(model.state_dict(), folder / "model.safetensors")


class Pooler(nn.Module):
    """Attention of one query over tokens, written out: the names are those of CONCH's file."""

    def __init__(self, d, context, heads):
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, d))
        self.attn = nn.MultiheadAttention(d, heads, kdim=context, vdim=context)
        self.ln_q, self.ln_k = nn.LayerNorm(d), nn.LayerNorm(context)

    def forward(self, tokens):
        heads, d = self.attn.num_heads, self.query.shape[1]
        q_bias, k_bias, v_bias = self.attn.in_proj_bias.chunk(3)
        keys = self.ln_k(tokens)
        q = (self.ln_q(self.query) @ self.attn.q_proj_weight.T + q_bias).view(heads, d // heads)
        k = (keys @ self.attn.k_proj_weight.T + k_bias).view(*keys.shape[:2], heads, d // heads)
        v = (keys @ self.attn.v_proj_weight.T + v_bias).view(*keys.shape[:2], heads, d // heads)
        share = (torch.einsum("hd,nthd->nht", q, k) / (d // heads) ** 0.5).softmax(dim=-1)
        mixed = torch.einsum("nht,nthd->nhd", share, v).flatten(1)
        return mixed @ self.attn.out_proj.weight.T + self.attn.out_proj.bias


class CoCa(nn.Module):
    """The part of CONCH's model that its file holds under `visual.`, and something of the text tower."""

    def __init__(self):
        import timm

        super().__init__()
        self.visual = nn.Module()
        self.visual.trunk = timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=COCA_SIZE, depth=2)
        self.visual.attn_pool_contrast = Pooler(16, 192, 4)
        self.visual.ln_contrast = nn.LayerNorm(16)
        self.visual.proj_contrast = nn.Parameter(torch.randn(16, 16))
        self.text = nn.Embedding(4, 8)

    def encode_image(self, pixels):
        return self.visual.ln_contrast(self.visual.attn_pool_contrast(self.visual.trunk.forward_features(pixels)))
