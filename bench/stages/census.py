"""Stage *census*: ids, groups and labels of a split at the resolution of its files, from which folds are made.

Folds are balanced by numbers of nuclei. A preset may reduce tiles, which loses small nuclei; counted at the resolution
of the files, a division is the same under every preset.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.contract import SampleRecord
from bench.datasets.source import DatasetSource
from bench.datasets.splits.id_division import ROLES, IdDivision, divide_ids
from bench.datasets.splits.protocol import Protocol
from bench.digest import digest, write_json
from bench.engine.context import Run
from bench.engine.session import Session
from bench.engine.step import Step

RESULT = "records.json"


def read_records(source: DatasetSource, split: str) -> list[SampleRecord]:
    """Read every sample of a split and return its record."""
    n_classes = len(source.card.classes)
    return [SampleRecord.of(sample, n_classes) for sample in source.samples(split)]


def divide_source(source: DatasetSource, protocols: Mapping[str, Protocol]) -> Iterator[IdDivision]:
    """Yield the division of a dataset under each protocol; labels are read once, and only if needed."""
    card = source.card
    ids = {split: source.ids(split) for split in source.splits() if split in ROLES}
    needed = {split for protocol in protocols.values() for split in protocol.reads}
    read = {split: read_records(source, split) for split in sorted(needed)}
    for name, protocol in protocols.items():
        records = [record for split in protocol.reads for record in read[split]]
        yield divide_ids(name, protocol, card.name, ids, records, card.rare)


@dataclass(frozen=True, kw_only=True, eq=False)
class Census(Step):
    """Record what is known of each sample of a split."""

    stage: ClassVar[str] = "census"

    source: DatasetSource
    split: str
    fingerprint: str

    @property
    def config(self) -> dict[str, object]:
        """Dataset, split and the card's content."""
        card = self.source.card
        return {"dataset": card.name, "split": self.split, "card": card.content()}

    @property
    def inputs(self) -> dict[str, str]:
        """The fingerprint of the dataset's files."""
        return {"files": self.fingerprint}

    def run(self, folder: Path, context: Run) -> None:
        """Read every sample and write its record."""
        write_json(folder / RESULT, [list(record) for record in read_records(self.source, self.split)])


async def census(session: Session, source: DatasetSource, split: str) -> list[SampleRecord]:
    """Return the record of each sample of a split at the resolution of its files."""
    step = Census(
        place=session.numeric,
        title=f"{source.card.name}, {split}",
        source=source,
        split=split,
        fingerprint=digest(source.fingerprint()),
    )
    finished = await session.do(step)
    lines = json.loads((finished.path / RESULT).read_text(encoding="utf-8"))
    return [SampleRecord._make([*known, tuple(nuclei)]) for *known, nuclei in lines]
