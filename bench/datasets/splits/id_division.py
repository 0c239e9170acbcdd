"""A division as sample ids: the role of every sample in every fold, and the file that two laboratories exchange."""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import io
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.contract import SampleRecord
from bench.datasets.splits.division import Division, divide
from bench.datasets.splits.folds import assign_groups
from bench.datasets.splits.protocol import Protocol
from bench.errors import ConfigError

ROLES = ("train", "validation", "test")
HEADER = ("fold", "role", "id")
_SHORT = 12


@dataclass(frozen=True)
class IdDivision:
    """The ids of each role in each fold, with the name of the protocol and of the dataset.

    `folds` has one entry per fold: the sorted ids by role. `labels` is a digest of the labels that folds were
    balanced by, empty if none were.
    """

    name: str
    dataset: str
    folds: tuple[Mapping[str, tuple[str, ...]], ...]
    seeds: int | None = None
    labels: str = ""

    @property
    def fold_names(self) -> tuple[str, ...]:
        """The name of each fold, such as `2/5`; a single fold has an empty name."""
        n = len(self.folds)
        return ("",) if n == 1 else tuple(f"{k}/{n}" for k in range(1, n + 1))

    @cached_property
    def body(self) -> str:
        """The lines of the file, sorted, without its head."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        for k, fold in enumerate(self.folds, 1):
            writer.writerows((f"{k}/{len(self.folds)}", role, id) for role in ROLES for id in fold.get(role, ()))
        return text.getvalue()

    @cached_property
    def sha256(self) -> str:
        """The hash of the lines: equal hashes mean the same division."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @property
    def label(self) -> str:
        """The name with the start of the hash, as the table of results shows it."""
        return f"{self.name}@{self.sha256[:_SHORT]}"

    @property
    def held_out(self) -> bool:
        """Whether each of several folds is tested on its own samples."""
        return len(self.folds) > 1 and self.folds[0]["test"] != self.folds[1]["test"]

    @property
    def described(self) -> dict[str, Any]:
        """What the document of a run says about it, as JSON values."""
        parts = {"protocol": self.name, "sha256": self.sha256, "folds": len(self.folds), "seeds": self.seeds}
        return {**parts, "test": "held-out" if self.held_out else "fixed", "labels": self.labels}

    def write(self, path: Path) -> None:
        """Write the file: a head of comments, which contains the hash of the lines below it, then the lines."""
        head = {"protocol": self.name, "dataset": self.dataset, "seeds": self.seeds or "", "labels": self.labels}
        lines = [f"# {key}: {value}\n" for key, value in {**head, "sha256": self.sha256}.items() if value]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines) + self.body, encoding="utf-8", newline="\n")


def divide_ids(
    name: str,
    protocol: Protocol,
    dataset: str,
    ids: Mapping[str, Sequence[str]],
    records: Sequence[SampleRecord] = (),
    rare: Collection[int] = (),
) -> IdDivision:
    """Return the division of a dataset under a protocol of its card.

    Args:
        name: name of the protocol.
        protocol: how to divide.
        dataset: name of the dataset.
        ids: sample ids by split; of the splits, `train`, `validation` and `test` are divided.
        records: those of the splits that the protocol `reads`, at the resolution of the files.
        rare: ids of the rare classes.

    Raises:
        ConfigError: there are fewer groups than folds, no sample is in a part, or one is in none or two.
        DataError: there are fewer than two groups to divide.
    """
    if protocol.rotate:
        folds = list(_rotated(_parts(protocol.rotate, ids, dataset)))
    elif protocol.leave_out:
        folds = list(_left_out(_parts(protocol.leave_out, ids, dataset), ids, dataset))
    elif protocol.folds is not None:
        folds = list(_folds(protocol, protocol.folds, ids, records, rare, dataset))
    elif protocol.divide is not None:
        folds = [_divided(protocol.divide, records)]
    else:
        folds = [{role: tuple(sorted(ids[role])) for role in ROLES if role in ids}]
    return IdDivision(name, dataset, tuple(folds), protocol.seeds, labels_digest(records) if records else "")


def labels_digest(records: Sequence[SampleRecord]) -> str:
    """Return a hash of ids, groups, labels and numbers of nuclei, in the order of ids."""
    known = sorted([record.id, record.group, str(record.label), *map(str, record.nuclei)] for record in records)
    return hashlib.sha256("\n".join("\t".join(line) for line in known).encode()).hexdigest()


def is_division_file(name: str) -> bool:
    """Return whether a protocol is given by the path of a file instead of its name."""
    return name.endswith(".csv") or "/" in name or "\\" in name


def read_division(path: Path) -> IdDivision:
    """Return the division in a file; without a head, its name is that of the file.

    Raises:
        ConfigError: the file cannot be read, is not a division, or was changed after it was written.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        fix = "write one with `bench data splits DATASET --protocol NAME --out FILE`"
        raise ConfigError(f"The division {path} cannot be read", got=str(error), fix=fix) from error
    head = dict(_head(text))
    rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
    folds = _read_folds(rows, path)
    seeds = head.get("seeds", "")
    if seeds and not seeds.isdigit():
        raise ConfigError(f"The number of seeds in {path} is not a number", got=seeds)
    found = IdDivision(
        head.get("protocol", path.stem),
        head.get("dataset", ""),
        folds,
        int(seeds) if seeds else None,
        head.get("labels", ""),
    )
    if head.get("sha256", found.sha256) != found.sha256:
        fix = "get the original file; for a division of your own, remove the line `# sha256: ...`"
        raise ConfigError(f"The division {path} was changed after it was written", got=found.sha256, fix=fix)
    return found


def _head(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if not line.startswith("#"):
            return
        key, _, value = line.removeprefix("#").partition(":")
        yield key.strip(), value.strip()


def _folds(
    protocol: Protocol,
    n_folds: int,
    ids: Mapping[str, Sequence[str]],
    train: Sequence[SampleRecord],
    rare: Collection[int],
    dataset: str,
) -> Iterator[dict[str, tuple[str, ...]]]:
    of_group = assign_groups(train, rare, n_folds, protocol.seed, dataset)
    for k in range(1, n_folds + 1):
        held_out = tuple(sorted(record.id for record in train if of_group[record.group] == k))
        rest = tuple(sorted(record.id for record in train if of_group[record.group] != k))
        if protocol.test == "fixed":
            yield {"train": rest, "validation": held_out, "test": tuple(sorted(ids["test"]))}
        else:
            yield {"train": rest, "test": held_out}


def _divided(how: Division, records: Sequence[SampleRecord]) -> dict[str, tuple[str, ...]]:
    strata = {"none": None, "label": [str(r.label) for r in records], "tissue": [str(r.tissue) for r in records]}
    sides = divide([record.group for record in records], how, strata[how.stratify])
    train, test = (tuple(sorted(records[index].id for index in side)) for side in sides)
    return {"train": train, "test": test}


def _parts(patterns: Sequence[str], ids: Mapping[str, Sequence[str]], dataset: str) -> list[tuple[str, ...]]:
    """Return the ids that match each pattern, by themselves or as `split/id`."""
    found = []
    for pattern in patterns:
        part = {
            id
            for split in ROLES
            for id in ids.get(split, ())
            if fnmatch.fnmatchcase(id, pattern) or fnmatch.fnmatchcase(f"{split}/{id}", pattern)
        }
        if not part:
            raise ConfigError(f"No sample of {dataset} is in a part of the division", got=f"no id like {pattern!r}")
        found.append(tuple(sorted(part)))
    return found


def _rotated(parts: Sequence[tuple[str, ...]]) -> Iterator[dict[str, tuple[str, ...]]]:
    for k in range(len(parts)):
        yield {role: parts[(k + place) % len(parts)] for place, role in enumerate(ROLES)}


def _left_out(
    parts: Sequence[tuple[str, ...]], ids: Mapping[str, Sequence[str]], dataset: str
) -> Iterator[dict[str, tuple[str, ...]]]:
    in_parts = Counter(id for part in parts for id in part)
    for id in (id for split in ROLES for id in ids.get(split, ())):
        if in_parts[id] != 1:
            where = "no part" if not in_parts[id] else "two parts"
            raise ConfigError(f"A sample of {dataset} is in {where} of the division", got=repr(id))
    for k, part in enumerate(parts):
        yield {"train": tuple(sorted(id for j, other in enumerate(parts) if j != k for id in other)), "test": part}


def _read_folds(rows: Sequence[Sequence[str]], path: Path) -> tuple[Mapping[str, tuple[str, ...]], ...]:
    if not rows or tuple(rows[0]) != HEADER:
        got = ",".join(rows[0]) if rows else "an empty file"
        raise ConfigError(f"{path} does not have the columns of a division", got=got, fix=f"write {','.join(HEADER)}")
    by_fold: dict[str, dict[str, list[str]]] = {}
    for row in rows[1:]:
        if len(row) != len(HEADER) or row[1] not in ROLES:
            fix = f"write fold,role,id with a role of {', '.join(ROLES)}, such as 1/5,train,NAME"
            raise ConfigError(f"A line of {path} is not valid", got=",".join(row), fix=fix)
        by_fold.setdefault(row[0], {}).setdefault(row[1], []).append(row[2])
    wanted = [f"{k}/{len(by_fold)}" for k in range(1, len(by_fold) + 1)]
    if sorted(by_fold) != sorted(wanted) or not wanted:
        raise ConfigError(f"The folds in {path} are not 1/K to K/K", got=", ".join(by_fold) or "no fold")
    return checked_folds({name: by_fold[name] for name in wanted}, path)


def checked_folds(
    folds: Mapping[str, Mapping[str, Sequence[str]]], path: Path
) -> tuple[Mapping[str, tuple[str, ...]], ...]:
    """Return the folds of a file with sorted ids, by their names.

    Raises:
        ConfigError: a fold has no training or test samples or a sample twice, or tests overlap but are not equal.
    """
    found = tuple({role: tuple(sorted(ids)) for role, ids in fold.items()} for fold in folds.values())
    for name, fold in zip(folds, found, strict=True):
        _check_fold(name, fold, path)
    _check_tests([fold["test"] for fold in found], path)
    return found


def _check_fold(name: str, fold: Mapping[str, Sequence[str]], path: Path) -> None:
    if lacking := [role for role in ("train", "test") if not fold.get(role)]:
        raise ConfigError(f"Fold {name} in {path} lacks a part", got=f"no {lacking[0]} samples")
    ids = [id for part in fold.values() for id in part]
    if len(ids) != len(set(ids)):
        twice = next(id for id in ids if ids.count(id) > 1)
        raise ConfigError(f"A sample is twice in fold {name} in {path}", got=repr(twice))


def _check_tests(tests: Sequence[Sequence[str]], path: Path) -> None:
    every = [id for test in tests for id in test]
    if any(test != tests[0] for test in tests) and len(every) != len(set(every)):
        raise ConfigError(
            f"The test parts of the folds in {path} overlap but are not equal",
            got=f"{len(every) - len(set(every))} samples in several of them",
            fix="test every fold on the same samples, or each fold on its own",
        )
