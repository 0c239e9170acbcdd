"""`bench study`: build pages on which readers judge images, and score their answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli.options import DataRootOption, StoreOption, resolve_data_root, resolve_store
from bench.cli.verbosity import short_reporter

if TYPE_CHECKING:
    from bench.engine.reporter import Reporter
    from reports.study.key import Key
    from reports.study.pools import Pool, RealImage
    from reports.study.results import StudyResults
    from reports.study.secret import Secret

app = typer.Typer(
    help="Ask readers which images look real: build their pages, and score their answers.", rich_markup_mode=None
)
STYLES = ("terminal", "markdown")
_CHOICE = 4
"""Real patches to choose from for each one that is shown, so that classes and slides can be balanced."""


def mount(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="study")


@app.command("build")
def build(
    context: typer.Context,
    sets: Annotated[
        list[str],
        typer.Argument(
            metavar="SET", help="Sealed sets, one per method: a folder or the name of an import, or NAME=SET."
        ),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the pages and the key.", metavar="DIR")],
    readers: Annotated[int, typer.Option(min=1, max=99, help="Number of readers; each gets a page of their own.")] = 2,
    preference: Annotated[
        int, typer.Option(min=0, help="Number of questions of the preference task: the most real of one mask.")
    ] = 50,
    turing: Annotated[
        Optional[int],
        typer.Option(min=0, help="Number of images of the Turing test, half of them real [25 per set, twice]."),
    ] = None,
    repeats: Annotated[
        Optional[int], typer.Option(min=0, help="Questions of each task that are asked twice [a tenth].")
    ] = None,
    dataset: Annotated[
        Optional[str], typer.Option(help="Dataset of the real images, or path to its card [that of the sets].")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the real images.")] = "test",
    title: Annotated[str, typer.Option(help="Title of the pages.", metavar="WORDS")] = "Reader study",
    note: Annotated[
        str,
        typer.Option(help="Words on the first screen: whose study it is, and what it is for.", metavar="WORDS"),
    ] = "",
    seed: Annotated[
        str,
        typer.Option(
            help="Secret text that all orders derive from; keep it as you keep the key [a new one].", metavar="WORDS"
        ),
    ] = "",
    data_root: DataRootOption = None,
    store: StoreOption = None,
) -> None:
    """Write one self-contained page per reader, and the key, which stays with you."""
    from bench.engine.console import HarmlessConsole
    from reports.study.draft import Amounts
    from reports.study.pages import Words, build_study
    from reports.study.secret import Secret

    amounts = Amounts(preference, 50 * len(sets) if turing is None else turing, repeats)
    amounts.check(len(sets))
    secret = Secret(seed)
    pools = _open(sets, dataset, resolve_store(store))
    reporter = short_reporter(context)
    real = _real(pools, dataset, split, amounts.turing // 2, secret, resolve_data_root(data_root), reporter)
    built = build_study(
        pools,
        real,
        out,
        amounts=amounts,
        readers=readers,
        split=split,
        seed=secret.text,
        words=Words(title, note),
    )
    console = HarmlessConsole(highlight=False, markup=False, soft_wrap=True)
    n = len(built.key.readers[0].trials)
    megabytes = built.pages[0].stat().st_size / 1e6
    for page in built.pages:
        console.print(f"{page}: {n} questions, {megabytes:.1f} MB")
    console.print(f"{built.folder / 'key.json'}: the key; do not give it to readers")
    console.print(f"to score: bench study score {built.folder / 'key.json'} ANSWERS...")


def _open(sets: Sequence[str], dataset: str | None, store: Path) -> list[Pool]:
    """Return sets under the names that they have in the study; every digest is recomputed.

    Raises:
        ConfigError: there is no such set.
    """
    from bench.importing.store import open_imported
    from reports.study.pools import Pool

    pools = []
    for text in sets:
        name, given, place = text.rpartition("=")
        content = open_imported(store, dataset or "", place)
        manifest = content.manifest
        variant = f" ({manifest['variant']})" if manifest.get("variant") else ""
        pools.append(Pool(name if given else f"{manifest['method']}{variant}", content))
    return pools


def _real(
    pools: Sequence[Pool],
    dataset: str | None,
    split: str,
    n: int,
    secret: Secret,
    data_root: Path | None,
    reporter: Reporter,
) -> list[RealImage]:
    """Return real patches like those of the sets, more than are needed."""
    if not n:
        return []
    from bench.datasets.source import open_source
    from bench.registry import unknown
    from bench.scoring.real_patches import real_patches
    from reports.study.pools import RealImage, check_pools

    check_pools(pools)
    info = pools[0].content.info
    source = open_source(dataset or info.name, data_root)
    if split not in source.splits():
        raise unknown(f"split of {source.card.name}", split, source.splits())
    order = secret.shuffled(range(len(source.ids(split))), "tiles")
    patches = real_patches(
        source, split, order, pools[0].size, info.mpp, lambda many, name: secret.below(many, "window", name)
    )
    with reporter.progress("read real patches", n * _CHOICE, unit="patch") as progress:
        found = []
        for patch in islice(patches, n * _CHOICE):
            found.append(RealImage(*patch))
            progress.advance()
    return found


@app.command("score")
def score(
    key: Annotated[Path, typer.Argument(help="The key of the study, key.json.", metavar="KEY")],
    answers: Annotated[list[Path], typer.Argument(help="Files that readers saved, one per reader.", metavar="ANSWERS")],
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Accept readers who did not answer all questions; they are named.")
    ] = False,
    style: Annotated[str, typer.Option("--format", help="Format: terminal or markdown.")] = "terminal",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; docs/study.md describes its fields.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Add the numbers to the results of the store, for boards and reports.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Check the files of readers, and print what they recognised and preferred, with intervals."""
    from bench.cli.screen import console
    from bench.registry import unknown
    from reports.study.answers import read_answers
    from reports.study.key import Key
    from reports.study.scoring import score as score_answers
    from reports.study.tables import render_markdown, render_terminal

    if style not in STYLES:
        raise unknown("format", style, STYLES)
    read = Key.read(key)
    results = score_answers(read, read_answers(read, answers, allow_partial=allow_partial))
    if record:
        _record(results, read, resolve_store(store))
    if as_json:
        print(results.model_dump_json(indent=2))
    elif style == "markdown":
        print(render_markdown(results), end="")
    else:
        console().print(render_terminal(results))


def _record(results: StudyResults, key: Key, store: Path) -> None:
    """Write the rows of a study and `study.json` into the results of a store."""
    from bench.digest import write_json
    from bench.results.table import ResultsStore
    from reports.study.results import FILE
    from reports.study.rows import run_key, study_document, study_rows

    kept = ResultsStore(store)
    rows, run = study_rows(results, key, kept), run_key(results)
    kept.folder(run).mkdir(parents=True, exist_ok=True)
    write_json(kept.folder(run) / FILE, results.model_dump(mode="json"), shared=True)
    kept.write(run, rows, study_document(results, rows))
