"""Digests of whole numbers as rows: which samples the splits of a run have, and what its sets were planned to show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bench.results.document import RunDocument

KIND = "digest"


def digest_rows(documents: Iterable[RunDocument]) -> list[dict[str, Any]]:
    """Return the rows of several documents, oldest first; of equal rows, the newest counts."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for document in documents:
        for row in _rows(document):
            key = tuple(value for name, value in row.items() if name != KIND)
            found.pop(key, None)
            found[key] = row
    return list(found.values())


def _rows(document: RunDocument) -> Iterator[dict[str, Any]]:
    common = {"kind": KIND, "dataset": document.dataset, "preset": document.preset}
    if sha256 := document.division.get("sha256"):
        yield {**common, "metric": "division", KIND: sha256}
    for role, digest in sorted(document.splits.items()):
        split, _, fold = role.partition(" ")
        yield {**common, "metric": "split", "split": split, "fold": fold, KIND: digest}
    for one in document.artefacts:
        if one.kind == "set" and one.plan:
            seeds = {"seed": one.seed, "generation": one.seed if one.generation is None else one.generation}
            arm = {"method": one.method, "variant": one.variant, "fold": one.fold}
            yield {**common, "metric": "plan", **arm, **seeds, KIND: one.plan}
