"""A capability is declared on a base class: nothing asks a plugin for an attribute that it may lack."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imports import modules

ROOT = Path(__file__).resolve().parent.parent

# Attributes of other people's objects, and of arrays that come from a plugin.
ALLOWED = {
    "__notes__": "Python: only errors to which a note was added have it",
    "attentions": "diffusers: blocks with and without attention share no base class",
    "commands": "click: groups of commands have them, commands do not",
    "checkpoint_filter_fn": "timm: a function that some of its modules have",
    "ctx": "click: some of its errors know their command",
    "display_type": "typer: some kinds of its types have it",
    "dtype": "what a plugin returns in the place of an array",
    "exit_code": "click, which typer may bring along under another name: its errors cannot be named",
    "format_message": "click, as above",
    "is_flag": "click: options have it, arguments do not",
    "labels": "datasets that know their labels without decoding an image",
    "n_frames": "Pillow: only formats that may hold several images have it",
    "no_embed_class": "timm: vision transformers of some kinds",
    "num_prefix_tokens": "timm: vision transformers",
    "pos_embed": "timm: vision transformers",
    "shape": "what a plugin returns in the place of an array",
}


def asked(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of every attribute that is asked for by a literal name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant):
                yield node.lineno, str(name.value)


def test_no_capability_is_asked_for_by_name() -> None:
    found = [
        f"{module}, line {line}: {name}"
        for module, path in modules(ROOT).items()
        for line, name in asked(path.read_text(encoding="utf-8"))
        if name not in ALLOWED
    ]
    assert not found, "declare it on the base class with a default:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "source", ["getattr(method, 'chunk', 32)", "if hasattr(network, 'with_weights'):\n    pass", "getattr(a, 'b')"]
)
def test_a_capability_is_found(source: str) -> None:
    assert len(list(asked(source))) == 1


def test_a_name_that_varies_is_no_capability() -> None:
    assert list(asked("[getattr(scores, name) for name in names]")) == []
