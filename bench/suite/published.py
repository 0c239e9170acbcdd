"""Tables of papers that ship, or are in the folder of a suite: a layout (`NAME.yaml`) and its values (`NAME.csv`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config.files import folder, read_yaml
from bench.config.validate import build
from bench.errors import ConfigError
from bench.registry import unknown

if TYPE_CHECKING:
    from reports.published.claims import Claims
    from reports.published.layout import PublishedTable


def layout_names(*folders: Path) -> tuple[str, ...]:
    """Return the names of the layouts in folders and of those that ship, sorted; files have _ for -."""
    paths = [path for place in (*folders, folder() / "published") for path in place.glob("*.yaml")]
    return tuple(sorted({path.stem.replace("_", "-") for path in paths if path.with_suffix(".csv").is_file()}))


def find_published(name: str, *folders: Path) -> PublishedTable:
    """Return the published table of a name, from one of the folders or from those that ship.

    Raises:
        ConfigError: there is no such table, or its files do not fit each other.
    """
    from reports.published.layout import Layout, read_published

    for place in (*folders, folder() / "published"):
        path = place / f"{name.replace('-', '_')}.yaml"
        values = path.with_suffix(".csv")
        if path.is_file() and values.is_file():
            layout: Layout = build(Layout, {"name": name, **_whole(read_yaml(path))}, f"the layout {path}")
            return read_published(layout, values.read_text(encoding="utf-8"))
    raise unknown("layout of a published table", name, layout_names(*folders))


def published_tables(*folders: Path) -> list[PublishedTable]:
    """Return all published tables of folders and those that ship, by name.

    Raises:
        ConfigError: the files of a table do not fit each other.
    """
    return [find_published(name, *folders) for name in layout_names(*folders)]


def read_claims(path: Path | None = None) -> Claims:
    """Return the papers' claims of a file, by default of the one that ships.

    Raises:
        ConfigError: the file is not valid.
    """
    from reports.published.claims import Claims

    chosen = path or folder() / "published" / "claims.yaml"
    claims: Claims = build(Claims, read_yaml(chosen), f"the claims {chosen}")
    return claims


def _whole(values: dict[str, Any]) -> dict[str, Any]:
    """Return a layout in which every value of a key is a mapping; a file may give only its title."""
    keys = values.get("keys")
    if not isinstance(keys, Mapping) or not all(isinstance(named, Mapping) for named in keys.values()):
        return values  # the validation of the fields reports it
    whole = {
        key: {name: {"title": shown} if isinstance(shown, str) else shown for name, shown in named.items()}
        for key, named in keys.items()
    }
    return {**values, "keys": whole}


def check_stand_ins(table: PublishedTable, stand_in: Mapping[str, str]) -> None:
    """Check that every dataset or metric for which another stands is one of the table.

    Raises:
        ConfigError: the table has no such dataset or metric.
    """
    known = (*sorted(table.named), *table.layout.metrics)
    for name in stand_in:
        if name not in known:
            raise unknown(f"dataset or metric in the table {table.layout.name}", name, known)


def stands_for(pairs: list[str]) -> dict[str, str]:
    """Return what `--stand-in PAPER=OWN` says: the dataset or metric that stands for one of the paper, by the paper's.

    Raises:
        ConfigError: a pair is not of this form.
    """
    found = {}
    for pair in pairs:
        paper, separator, own = pair.partition("=")
        if not (separator and paper and own):
            fix = "for example --stand-in consep=phantom"
            raise ConfigError("--stand-in does not name two datasets or metrics as PAPER=OWN", got=pair, fix=fix)
        found[paper] = own
    return found
