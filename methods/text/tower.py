"""The frozen text tower of a CLIP folder: what latent diffusion attends to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.contract import RunContext
from bench.errors import DataError
from methods.quiet import quiet

# Captions per forward pass.
BATCH = 64


class TextTower:
    """A frozen CLIP text tower with its tokenizer; `length` tokens per window, `width` features per token."""

    def __init__(self, transformer: Any, tokenizer: Any, chunks: int) -> None:
        config = transformer.config
        self.width, self.length, self.chunks = int(config.hidden_size), int(config.max_position_embeddings), chunks
        self._transformer, self._tokenizer = transformer, tokenizer
        self._device = transformer.final_layer_norm.weight.device

    @torch.inference_mode()
    def context(self, captions: Sequence[str]) -> Tensor:
        """Return the last hidden states of captions, float32 (n, chunks * length, width), on the tower's device.

        The tokens of a caption, with start and end, are cut off at chunks * length. Positions count from 0 in every
        window of `length`, while attention reaches back over the whole caption, as in the released code of PathLDM and
        PathDiff (`clip_transformer_forward`); padding is not attended to.
        """
        parts = [self._encode(list(captions[start : start + BATCH])) for start in range(0, len(captions), BATCH)]
        return torch.cat(parts).clone()

    def _encode(self, captions: list[str]) -> Tensor:
        tokens = self._tokenizer(
            captions, padding="max_length", truncation=True, max_length=self.chunks * self.length, return_tensors="pt"
        ).to(self._device)
        windows = tokens.input_ids.split(self.length, dim=1)
        embedded = torch.cat([self._transformer.embeddings(input_ids=window) for window in windows], dim=1)
        states = self._transformer.encoder(
            inputs_embeds=embedded, attention_mask=causal_mask(tokens.attention_mask, embedded.dtype)
        ).last_hidden_state
        result: Tensor = self._transformer.final_layer_norm(states)
        return result


def causal_mask(present: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what is added to attention logits, (n, 1, t, t): 0 for earlier tokens that are `present` (n, t)."""
    t = present.shape[1]
    seen = torch.ones(t, t, dtype=torch.bool, device=present.device).tril() & present.bool()[:, None, None, :]
    return torch.zeros(seen.shape, dtype=dtype, device=present.device).masked_fill(~seen, torch.finfo(dtype).min)


def load_tower(folder: Path, chunks: int, run: RunContext) -> TextTower:
    """Return the text tower of a folder that `CLIPModel` opens, such as a trained caption encoder's or PLIP's.

    Raises:
        DataError: the folder does not contain a CLIP with its tokenizer.
    """
    from transformers import CLIPModel, CLIPTokenizer

    _check(folder)
    with quiet():
        model: Any = CLIPModel.from_pretrained(str(folder), local_files_only=True, dtype=torch.float32)
    transformer = model.text_model
    tokenizer = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
    return TextTower(transformer.to(run.device).eval().requires_grad_(False), tokenizer, chunks)


def _check(folder: Path) -> None:
    wanted = (("config.json",), ("model.safetensors", "pytorch_model.bin"), ("tokenizer.json", "vocab.json"))
    for names in wanted:
        if not any((folder / name).is_file() for name in names):
            raise DataError(
                "A text tower is a folder that transformers' CLIPModel opens",
                got=f"no {' or '.join(names)} in {folder}",
                fix="name the folder of a CLIP checkpoint, with its config and its tokenizer",
            )
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind != "clip":
        raise DataError(f"The model in {folder} is not a CLIP", got=f"model_type {kind!r}")
