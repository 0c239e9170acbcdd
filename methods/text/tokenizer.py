"""A tokenizer in CLIP's format, whose byte pairs are merged as the captions at hand suggest."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

START, END = "<|startoftext|>", "<|endoftext|>"
# CLIP marks the last byte of a word.
WORD_END = "</w>"
# Merges are learned from the most frequent words.
WORDS = 4096


def learn_merges(captions: Iterable[str], n: int) -> list[tuple[str, str]]:
    """Return up to `n` merges of byte pairs, the most frequent pair first; equal counts in alphabetical order.

    >>> learn_merges(["low, low, lower"], 2)
    [('l', 'o'), ('lo', 'w</w>')]
    """
    counts: Counter[str] = Counter()
    for caption in captions:
        counts.update(_words(caption))
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:WORDS]
    words = [([*_bytes(word)[:-1], _bytes(word)[-1] + WORD_END], count) for word, count in common]
    merges: list[tuple[str, str]] = []
    while len(merges) < n:
        pairs: Counter[tuple[str, str]] = Counter()
        for symbols, count in words:
            for pair in pairwise(symbols):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = [(_merge(symbols, best), count) for symbols, count in words]
    return merges


def write_tokenizer(folder: Path, captions: Iterable[str], merges: int, length: int) -> Any:
    """Write a tokenizer of the captions to a folder, as transformers' `CLIPTokenizer` saves itself, and return it."""
    from transformers import CLIPTokenizer

    learned = learn_merges(captions, merges)
    letters = sorted(byte_letters())
    tokens = [*letters, *(letter + WORD_END for letter in letters), *("".join(pair) for pair in learned), START, END]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in learned), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    tokenizer: Any = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True, model_max_length=length)
    tokenizer.save_pretrained(str(folder))
    return tokenizer


def _words(caption: str) -> list[str]:
    """Split a caption as CLIP does: letters, single digits, and runs of other characters; in lower case."""
    return re.findall(r"[^\W\d_]+|\d|(?:[^\w\s]|_)+", unicodedata.normalize("NFC", caption).lower())


def _bytes(word: str) -> list[str]:
    letters = byte_letters()
    return [letters[byte] for byte in word.encode()]


def byte_letters() -> list[str]:
    """Return the letter that stands for each byte: itself if it is printable, else one after U+0100 (GPT-2).

    >>> byte_letters()[ord("a")], byte_letters()[0]
    ('a', 'Ā')
    """
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = (chr(256 + place) for place in range(256))
    return [chr(byte) if byte in printable else next(others) for byte in range(256)]


def _merge(symbols: Sequence[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for symbol in symbols:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged
