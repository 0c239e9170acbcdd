"""PathCap: about 207,000 pathology images with captions from articles and guidelines (Sun et al. 2024)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.config.validate import build
from bench.datasets.card import DatasetCard
from bench.datasets.readers.captioned import Caption, Captioned, CaptionPlan, checked_pattern
from bench.errors import DataError


class PathCapPlan(CaptionPlan):
    """The `extra` section of PathCap's card: names of the captions' file and of its keys, of which the first is used.

    They are not documented, so a card that extends this one can give other names.
    """

    captions: tuple[str, ...]
    image_keys: tuple[str, ...]
    caption_keys: tuple[str, ...]
    article_keys: tuple[str, ...]


class PathCap(Captioned):
    """PathCap as its captions (JSON: a list of records, or a mapping from image to caption) and unpacked images.

    The group is the article: a record's own key, else from the image's name, else the image.
    """

    plan: PathCapPlan

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.plan = build(PathCapPlan, card.extra, f"`extra` of the card {card.name!r}")
        checked_pattern(card, self.plan.group_pattern)

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds a file of captions, and the manifest if the card names one."""
        return any((folder / name).is_file() for name in self.plan.captions) and self.holds_manifest(folder)

    def caption_file(self) -> Path:
        """Return the JSON file."""
        folder = self.locate()
        return next(folder / name for name in self.plan.captions if (folder / name).is_file())

    def captions(self) -> list[Caption]:
        """Return the records of the JSON file."""
        return list(self._captions)

    @cached_property
    def _captions(self) -> list[Caption]:
        path, plan = self.caption_file(), self.plan
        return [
            Caption(
                name=_text(record, plan.image_keys, path, row),
                text=_text(record, plan.caption_keys, path, row, empty=True),
                group=next((str(record[key]) for key in plan.article_keys if record.get(key)), ""),
            )
            for row, record in enumerate(_records(path, plan), start=1)
        ]


def _records(path: Path, plan: PathCapPlan) -> Iterator[Mapping[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        fix = "download it again"
        raise DataError(
            f"Cannot read {path} as JSON (UTF-8)", got=str(error) or type(error).__name__, fix=fix
        ) from error
    image, caption = plan.image_keys[0], plan.caption_keys[0]
    if isinstance(content, dict):
        rows = content.items()
        content = [{image: name, **(row if isinstance(row, dict) else {caption: row})} for name, row in rows]
    if not isinstance(content, list) or not content or not all(isinstance(row, dict) for row in content):
        got = type(content).__name__ if content else "nothing"
        raise DataError(
            f"{path} does not hold a list of records of images and captions", got=got, fix="download it again"
        )
    yield from content


def _text(record: Mapping[str, Any], keys: Sequence[str], path: Path, row: int, *, empty: bool = False) -> str:
    value = next((record[key] for key in keys if key in record), None)
    if isinstance(value, str) and (empty or value.strip()):
        return value.strip()
    if empty and value is None and any(key in record for key in keys):
        return ""
    raise DataError(
        f"Record {row} of {path} has no text under any of the keys {', '.join(keys)}",
        got=f"keys {', '.join(record)}" if value is None else repr(value)[:60],
        fix="name the key in `extra` of a card that extends this one",
    )
