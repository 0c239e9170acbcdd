"""The data behind a run: the splits that it read, and the synthetic sets that were trained on."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bench.results.artefacts import Artefact
from bench.results.document import RunDocument
from bench.tracking.record import Input

_SHOWN = 16
_CONTEXTS = {"train": "training", "validation": "validation", "test": "testing"}


def splits(document: RunDocument, fold: str = "") -> tuple[Input, ...]:
    """Return the splits that a run read, or those of one of its folds."""
    return tuple(_splits(document, fold))


def sets(document: RunDocument, artefacts: Collection[Artefact], size: int | None) -> tuple[Input, ...]:
    """Return the synthetic sets among some artefacts; `size` is their number of images."""
    found = {one.key: one for one in artefacts if one.kind == "set"}
    return tuple(_set(document, one, size) for one in found.values())


def _splits(document: RunDocument, fold: str) -> Iterator[Input]:
    others = document.request.get("data") or {}
    for role, digest in sorted(document.digests.items(), key=lambda item: _place(item[0])):
        name, _, of_fold = role.partition(" ")
        if fold and of_fold not in ("", fold):
            continue
        dataset = str(others.get(name, document.dataset))
        title = f"{dataset} {role}" if name in _CONTEXTS else f"{dataset} ({role})"
        yield Input(title, digest[:_SHOWN], _CONTEXTS.get(name, name), dataset)


def _place(role: str) -> tuple[int, str]:
    known = list(_CONTEXTS)
    name = role.partition(" ")[0]
    return (known.index(name) if name in known else len(known), role)


def _set(document: RunDocument, one: Artefact, size: int | None) -> Input:
    seed = one.seed if one.generation is None else one.generation
    about = ", ".join(part for part in (one.variant, f"fold {one.fold}" if one.fold else "", f"seed {seed}") if part)
    name = f"{document.dataset} by {one.method} ({about})"
    return Input(name, one.digest[:_SHOWN], "synthetic", one.folder.as_posix(), size)
