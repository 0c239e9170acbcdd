"""Writes a study: one page per reader, and the key."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.errors import ConfigError
from reports.study.draft import Amounts, Draft, by_name, draft
from reports.study.encode import encode
from reports.study.key import Key, KeyReader, StudySet
from reports.study.orders import of_reader
from reports.study.pools import Pool, RealImage, check_pools
from reports.study.secret import Secret

KEY, PAGES = "key.json", "pages"
FEWEST_MS = 300
"""Milliseconds before which an answer is not taken: nobody has seen the images by then."""
_SCRIPTS = ("sha256.js", "answers.js", "question.js", "study.js")
_JSPSYCH = "vendor/jspsych-8.3.0.min.js"


class Words(NamedTuple):
    """What pages say: their title, and a note of the owner on the first screen."""

    title: str = "Reader study"
    note: str = ""


class Built(NamedTuple):
    """A study on disk."""

    key: Key
    folder: Path
    pages: tuple[Path, ...]


def build_study(
    pools: Sequence[Pool],
    real: Sequence[RealImage],
    folder: Path,
    *,
    amounts: Amounts,
    readers: int,
    split: str = "",
    seed: str = "",
    words: Words | None = None,
) -> Built:
    """Write a study into a new folder: `pages/reader-N.html` for readers, and `key.json` for the owner.

    Args:
        pools: the sealed sets.
        real: real images for the Turing test, of the size of those of the sets.
        folder: where to write; it must not exist, or be empty.
        amounts: how much is asked.
        readers: number of readers, each with a page and an order of their own.
        split: the split of the dataset that real images are from.
        seed: a secret text that all names and orders derive from; empty: a new one.
        words: what pages say.

    Raises:
        ConfigError: the sets do not go together, are too small, or the folder is in use.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError("The folder of a new study must be empty", got=str(folder), fix="give another --out DIR")
    check_pools(pools)
    secret, said = Secret(seed), words or Words()
    made = draft(pools, real, amounts, secret)
    pages = tuple(of_reader(number, made, amounts, secret) for number in range(1, readers + 1))
    key = Key(
        study=secret.name("study", *sorted(made.images)),
        title=said.title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        secret=secret.text,
        dataset=pools[0].content.info.name,
        split=split,
        sets=tuple(map(_about, pools)),
        images=tuple(made.images[name] for name in sorted(made.images)),
        questions=tuple(sorted(made.questions, key=lambda question: question.name)),
        readers=pages,
    )
    (folder / PAGES).mkdir(parents=True)
    encoded = {name: base64.b64encode(encode(pixels)).decode() for name, pixels in made.pixels.items()}
    written = tuple(_write_page(folder / PAGES, key, reader, made, encoded, said) for reader in pages)
    text = json.dumps(key.model_dump(mode="json"), indent=1, ensure_ascii=False)
    (folder / KEY).write_text(text + "\n", encoding="utf-8")
    (folder / KEY).chmod(0o600)
    return Built(key, folder, written)


def _about(pool: Pool) -> StudySet:
    manifest = pool.content.manifest
    return StudySet(
        method=pool.method,
        step=pool.content.folder.name,
        plugin=str(manifest["method"]),
        variant=str(manifest.get("variant", "")),
        use=pool.content.use,
        digest=pool.content.digest,
        seed=int(manifest.get("seed", 0)),
    )


def _write_page(folder: Path, key: Key, reader: KeyReader, made: Draft, encoded: dict[str, str], words: Words) -> Path:
    """Write the page of one reader; it says only what the reader is asked."""
    questions = by_name(made.questions)
    height, width = next(iter(made.pixels.values())).shape[:2]
    data: dict[str, Any] = {
        "study": key.study,
        "reader": reader.reader,
        "token": reader.token,
        "items": reader.items,
        "fewest_ms": FEWEST_MS,
        "width": width,
        "height": height,
        "trials": [
            {"name": trial.name, "task": questions[trial.question].task, "options": list(trial.options)}
            for trial in reader.trials
        ],
        # sorted by their random names: neither a task nor the order of building shows
        "images": {shown: encoded[name] for shown, name in sorted(reader.images.items())},
    }
    n = int(reader.reader.rpartition("-")[2])
    page = _template().render(words=words, number=n, data=data, style=_asset("page.css"), scripts=_scripts())
    path = folder / f"{reader.reader}.html"
    path.write_text(page, encoding="utf-8")
    return path


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("reports", "study"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2")


def _asset(name: str) -> Markup:
    text = files("reports").joinpath("study", name).read_text(encoding="utf-8")
    # no page may ask for a file on the internet, not even a debugger's source map
    return Markup(re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE))


def _scripts() -> list[Markup]:
    return [_asset(name) for name in (_JSPSYCH, *_SCRIPTS)]
