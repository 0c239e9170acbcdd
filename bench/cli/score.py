"""`bench score`: compute the metrics on any files, without a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli.options import WeightsOption, resolve_weights
from bench.cli.screen import width_for
from bench.cli.verbosity import short_reporter

if TYPE_CHECKING:
    from rich.table import Table

    from bench.scoring.output import Output

app = typer.Typer(help="Score your own folders, arrays and tables.", rich_markup_mode=None, no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON; docs/score.md describes its fields.")]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Seed of splits and shuffled captions; the same seed gives the same numbers.")
]
ClassesOption = Annotated[
    Optional[str],
    typer.Option(help='Class names in order, comma-separated; "a, b" in quotes is one.', metavar="NAME,NAME"),
]


def mount(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="score")


@app.command("nuclei")
def nuclei(
    context: typer.Context,
    true: Annotated[
        Path,
        typer.Option(
            help="Folder of true labels: maps (.mat, .npy, 16-bit .png or .tif) or outlines (GeoJSON, COCO, Aperio "
            "XML, HoVer-Net's or CellViT's JSON); or one COCO file.",
            metavar="PATH",
        ),
    ],
    pred: Annotated[Path, typer.Option(help="The same of predicted labels, with the same stems.", metavar="PATH")],
    mpp: Annotated[float, typer.Option(help="Micrometres per pixel; nuclei match within 3 micrometres.")] = 0.25,
    classes: ClassesOption = None,
    groups: Annotated[
        Optional[Path],
        typer.Option(help="CSV file `stem,group`; intervals are over groups (slides, patients).", metavar="FILE"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score predicted nuclei against true ones: Dice, AJI, PQ, HD95, detection and types, with intervals."""
    from bench.formats.csv_tables import read_groups
    from bench.scoring.nuclei import score_nuclei
    from bench.scoring.pairing import pair_labels
    from bench.scoring.render import render_nuclei

    _check_mpp(mpp)
    names = _names(classes)
    pairs = pair_labels(true, pred)
    chosen = read_groups(groups, [pair.stem for pair in pairs])
    with short_reporter(context).progress("score", len(pairs), unit="image") as progress:
        report = score_nuclei(pairs, chosen, mpp=mpp, classes=names, progress=progress)
    _show(report, render_nuclei(report), as_json)


@app.command("images")
def images(
    context: typer.Context,
    real: Annotated[
        Path,
        typer.Option(
            help="Real images the generator was trained on: a folder, or features.npy (n, d).", metavar="PATH"
        ),
    ],
    synthetic: Annotated[Path, typer.Option(help="Synthetic images: a folder, or features.npy.", metavar="PATH")],
    test: Annotated[
        Optional[Path],
        typer.Option(
            help="Real images the generator never saw, from other slides; copy_rate needs them.", metavar="PATH"
        ),
    ] = None,
    encoder: Annotated[
        Optional[str],
        typer.Option(
            help="Encoder of images; see `bench list encoders`, or torchscript:FILE [random-convnet, which needs no "
            "weights and detects only gross failures]."
        ),
    ] = None,
    weights: WeightsOption = None,
    device: Annotated[str, typer.Option(help="Device: auto, cpu, cuda or mps.")] = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Score synthetic images against real ones: Fréchet and kernel distance, variety, and copies of training images."""
    from bench.scoring.feature_sets import load_sets
    from bench.scoring.images import score_images
    from bench.scoring.render import render_images

    sets = load_sets(
        real,
        synthetic,
        test,
        encoder=encoder,
        weights=resolve_weights(weights),
        device=device,
        reporter=short_reporter(context),
    )
    report = score_images(sets, seed=seed)
    _show(report, render_images(report), as_json)


@app.command("classes")
def classes(
    true: Annotated[
        Path, typer.Option(help="CSV file `id,label`, and `group` (slide, patient) if known.", metavar="FILE")
    ],
    pred: Annotated[
        Path, typer.Option(help="CSV file `id,label`, or with one column of scores per class, or both.", metavar="FILE")
    ],
    classes: ClassesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score predicted image classes against true ones: accuracy, F1, sensitivity, specificity, AUROC."""
    from bench.scoring.class_tables import load_predictions
    from bench.scoring.classes import score_predictions
    from bench.scoring.render import render_classes

    report = score_predictions(load_predictions(true, pred, _names(classes)))
    _show(report, render_classes(report), as_json)


@app.command("text")
def text(
    context: typer.Context,
    images: Annotated[Path, typer.Option(help="Folder of images; subfolders count.", metavar="DIR")],
    captions: Annotated[
        Path,
        typer.Option(help="CSV file `file,caption`, and `group` (slide, patient) if known.", metavar="FILE"),
    ],
    encoder: Annotated[
        str, typer.Option(help="Encoder with a text tower: plip, clip-vit-b-32, or caption-clip of a run.")
    ] = "plip",
    weights: WeightsOption = None,
    device: Annotated[str, typer.Option(help="Device: auto, cpu, cuda or mps.")] = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Score how well images show what their captions say, with shuffled captions as control."""
    from bench.scoring.render import render_text
    from bench.scoring.text import score_text

    report = score_text(
        images,
        captions,
        encoder=encoder,
        weights=resolve_weights(weights),
        device=device,
        seed=seed,
        reporter=short_reporter(context),
    )
    _show(report, render_text(report), as_json)


def _names(classes: str | None) -> tuple[str, ...]:
    import csv

    from bench.errors import ConfigError

    if classes is None:
        return ()
    try:
        names = tuple(name.strip() for name in next(csv.reader([classes], skipinitialspace=True)))
    except csv.Error:  # a line break
        names = ("",)
    if not names or not all(names) or len(set(names)) != len(names):
        raise ConfigError(
            "--classes does not name each class exactly once", got=repr(classes), fix="for example --classes a,b,c"
        )
    return names


def _check_mpp(mpp: float) -> None:
    from bench.errors import ConfigError

    if not 0.01 <= mpp <= 10:
        fix = "give --mpp 0.25 for a magnification of 40, --mpp 0.5 for 20"
        raise ConfigError("--mpp is not between 0.01 and 10 micrometres per pixel", got=f"{mpp:g}", fix=fix)


def _show(report: Output, lines: Iterable[Table | str], as_json: bool) -> None:
    if as_json:
        print(report.model_dump_json(indent=2))
        return
    from bench.engine.console import HarmlessConsole

    console = HarmlessConsole(highlight=False, width=width_for(120))
    for line in lines:
        console.print(line, soft_wrap=isinstance(line, str))
