"""The protocol of a request: one that the dataset's card names, or a file of ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.config import RunRequest
from bench.datasets.card import DatasetCard
from bench.datasets.source import DatasetSource
from bench.datasets.splits.fold_lists import read_fold_lists
from bench.datasets.splits.id_division import ROLES, IdDivision, is_division_file, read_division
from bench.datasets.splits.protocol import Protocol
from bench.errors import ConfigError
from bench.plan.checks import Missing
from bench.registry import unknown


@dataclass(frozen=True)
class ChosenProtocol:
    """A protocol: the settings of the card, or the division of a file; exactly one of them is given."""

    name: str
    settings: Protocol | None = None
    division: IdDivision | None = None

    @property
    def seeds(self) -> int | None:
        """The number of seeds that it prescribes."""
        chosen = self.settings or self.division
        return None if chosen is None else chosen.seeds

    @property
    def n_folds(self) -> int:
        """The number of folds; 1 if there are none."""
        return self.settings.n_folds if self.settings is not None else len(self.division.folds) if self.division else 1


def choose_protocol(asked: str, source: DatasetSource) -> ChosenProtocol:
    """Return the protocol of this name, or that of a file or of a folder of CellViT's.

    Raises:
        ConfigError: the card names no such protocol, or the file or folder is not a division.
        MissingError: a folder does not name the test samples, and the dataset is not on this machine.
    """
    if is_division_file(asked):
        path = Path(asked).expanduser()
        division = read_fold_lists(path, partial(source.ids, "test")) if path.is_dir() else read_division(path)
        return ChosenProtocol(division.name, division=division)
    return ChosenProtocol(asked, named_protocol(asked, source.card))


def named_protocol(name: str, card: DatasetCard) -> Protocol:
    """Return a protocol of a card.

    Raises:
        ConfigError: the card names no such protocol; the nearest one is suggested.
    """
    if not card.protocols:
        fix = "add `protocols:` to its card, or give the file of a division"
        raise ConfigError(f"The card of {card.name} has no protocols", got=f"--protocol {name}", fix=fix)
    if name not in card.protocols:
        raise unknown(f"protocol of {card.name}", name, tuple(card.protocols))
    return card.protocols[name]


def with_seeds(request: RunRequest, protocol: ChosenProtocol | None) -> RunRequest:
    """Return a request with the number of seeds that its protocol prescribes.

    Raises:
        ConfigError: another number was asked for.
    """
    if protocol is None or protocol.seeds is None:
        return request
    if "seeds" in request.model_fields_set and request.seeds != protocol.seeds:
        raise ConfigError(
            f"The protocol {protocol.name} prescribes the number of seeds",
            got=f"--seeds {request.seeds}, where the protocol has {protocol.seeds}",
            fix="leave out --seeds, or choose another protocol",
        )
    return request.model_copy(update={"seeds": protocol.seeds})


def check_protocol(protocol: ChosenProtocol | None, source: DatasetSource) -> Iterable[Missing]:
    """Yield what a dataset lacks for a protocol, as far as the names of its files show."""
    if protocol is None:
        return
    if protocol.division is not None:
        yield from _check_ids(protocol.division, source)
    elif protocol.settings is not None and protocol.settings.folds is not None:
        n = len(source.ids("train"))
        if n < protocol.settings.folds:
            yield Missing(
                f"The protocol {protocol.name} has more folds than the training split has groups",
                f"{n} training samples of {source.card.name} for {protocol.settings.folds} folds",
                "choose a protocol of fewer folds: `bench list protocols`",
            )


def _check_ids(division: IdDivision, source: DatasetSource) -> Iterable[Missing]:
    known = {id for split in source.splits() if split in ROLES for id in source.ids(split)}
    asked = {id for fold in division.folds for part in fold.values() for id in part}
    if odd := sorted(asked - known):
        made_for = f", a division of {division.dataset}" if division.dataset else ""
        yield Missing(
            f"The division {division.name} does not fit {source.card.name}",
            f"{len(odd)} of its {len(asked)} ids are not in the dataset{made_for}; the first is {odd[0]!r}",
            f"use a division of this dataset: `bench data splits {source.card.name} --protocol NAME --out FILE`",
        )
