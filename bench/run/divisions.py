"""The data of each fold of a run: what its protocol divides, and what every fold reads as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.contract import Dataset
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.splits.id_division import ROLES, IdDivision, divide_ids
from bench.datasets.splits.joined import choose
from bench.engine.session import Session, together
from bench.errors import ConfigError
from bench.plan.protocol import ChosenProtocol
from bench.run.resolve import Resolved
from bench.stages.census import census
from bench.stages.prepare import apply_fold, apply_labelled, own_text, prepare_others, prepare_splits
from bench.synthetic import EVALUATION


class FoldData(NamedTuple):
    """The data of one fold by role; the name is `k/K`, or empty for a run without folds."""

    name: str
    data: Mapping[str, Dataset]


class Divided(NamedTuple):
    """The data of every fold, and the division if the run has a protocol."""

    folds: Sequence[FoldData]
    division: IdDivision | None = None


async def divide_data(session: Session, resolved: Resolved) -> Divided:
    """Prepare the data of a run, and divide it by its protocol or its fold.

    Raises:
        ConfigError: the protocol does not fit the dataset.
    """
    protocol, fold = resolved.protocol, resolved.request.fold
    if protocol is None:
        name = "" if fold is None else f"{fold[0]}/{fold[1]}"
        return Divided([FoldData(name, await prepare_data(session, resolved))])
    source = resolved.source
    more = [role for role in ROLES if role in source.splits() and role not in resolved.splits]
    prepared = await prepare_splits(session, source, resolved.preset, [*resolved.splits, *more], whole=ROLES)
    others = await prepare_others(session, resolved.others, resolved.preset, resolved.roles)
    division = await _division(session, resolved, protocol, prepared)
    kept = {role: data for role, data in prepared.items() if role not in ROLES}
    folds = []
    for name, ids in zip(division.fold_names, division.folds, strict=True):
        data = apply_labelled({**kept, **_roles(prepared, ids)}, source)
        _check_one_split(data["train"], resolved)
        folds.append(FoldData(name, data | own_text(data["train"], resolved.other.own_text) | others))
    check_groups(folds, division)
    return Divided(folds, division)


async def prepare_data(session: Session, resolved: Resolved) -> dict[str, Dataset]:
    """Prepare the dataset's splits and the other datasets of a run without a protocol, by role."""
    ready = resolved.subject.ready
    # images of test masks may show any sample of the split
    whole = ["test"] if ready is not None and ready.use == EVALUATION else []
    prepared = await prepare_splits(session, resolved.source, resolved.preset, resolved.splits, whole=whole)
    others = await prepare_others(session, resolved.others, resolved.preset, resolved.roles)
    data = apply_labelled(apply_fold(prepared, resolved.request.fold), resolved.source)
    return data | own_text(data["train"], resolved.other.own_text) | others


def check_groups(folds: Sequence[FoldData], division: IdDivision) -> None:
    """Refuse folds that share slides where they must not.

    A slide that the fixed test split shares with the training split is a property of the dataset, which
    `bench data verify` reports.

    Raises:
        ConfigError: a fold trains on a slide that it holds out, or two folds are tested on the same slide.
    """
    seen: dict[str, str] = {}
    for fold in folds if len(folds) > 1 else ():
        held_out = {role: fold.data[role] for role in ("validation", "test") if role in fold.data}
        if not division.held_out:
            held_out.pop("test")
        for role, data in held_out.items():
            if shared := sorted(set(data.groups) & set(fold.data["train"].groups)):
                _refuse(division, f"Fold {fold.name} trains on a slide of its {role} part", shared[0])
        for group in set(fold.data["test"].groups) if division.held_out else ():
            if seen.setdefault(group, fold.name) != fold.name:
                _refuse(division, f"The folds {seen[group]} and {fold.name} are tested on the same slide", group)


def _refuse(division: IdDivision, what: str, group: str) -> None:
    fix = "divide by whole slides, as `bench data splits` does"
    raise ConfigError(what, got=f"{group!r} in the division {division.name}", fix=fix)


async def _division(
    session: Session, resolved: Resolved, protocol: ChosenProtocol, prepared: Mapping[str, PreparedDataset]
) -> IdDivision:
    if protocol.settings is None:
        assert protocol.division is not None, "a protocol has settings or a division"
        return protocol.division
    counted = await together(*(census(session, resolved.source, split) for split in protocol.settings.reads))
    records = [record for split in counted for record in split]
    ids = {split: data.ids for split, data in prepared.items()}
    return divide_ids(protocol.name, protocol.settings, resolved.card.name, ids, records, resolved.card.rare)


def _roles(prepared: Mapping[str, PreparedDataset], ids: Mapping[str, Sequence[str]]) -> dict[str, Dataset]:
    splits = {split: data for split, data in prepared.items() if split in ROLES}
    return {role: choose(splits, chosen, role) for role, chosen in ids.items()}


def _check_one_split(train: Dataset, resolved: Resolved) -> None:
    """Refuse a training part of several splits where one must be divided further."""
    limited = resolved.card.labelled is not None or resolved.other.own_text
    if limited and not isinstance(train, PreparedDataset):
        raise ConfigError(
            "The training part of the division is in several splits, but the run divides it further",
            got="`labelled` in the card, or captions of the run's own training split",
            fix="train on samples of the training split only",
        )
