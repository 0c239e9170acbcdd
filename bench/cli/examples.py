"""Examples of every command, which stand below its help text; a test parses each of them."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "bench": (
        "bench run --method diffmix --dataset phantom",
        "bench leaderboard --dataset phantom",
        "bench doctor",
    ),
    "bench run": (
        "bench run --method diffmix --dataset phantom",
        "bench run --method diffmix --dataset phantom --preset tiny   # seconds",
        "bench run --method sdm --dataset consep --data-root DIR --dry-run",
        "bench run --method diffmix --dataset consep --protocol hovernet-5fold",
        "bench run --method sdm --dataset phantom --set method.guidance_scale=2.0",
        "bench run --synthetic mine --dataset consep --data-root DIR",
    ),
    "bench status": ("bench status", "bench status diffmix_table1 --once", "bench status --json"),
    "bench suite": (
        "bench suite histodiffusion_table1_smoke --dry-run",
        "bench suite histodiffusion_table1_smoke --jobs 2",
        "bench suite my-suite.yaml --only 'StyleGAN2*' --seeds 3",
    ),
    "bench leaderboard": (
        "bench leaderboard",
        "bench leaderboard --dataset phantom --preset smoke --all",
        "bench leaderboard --dataset phantom --costs   # hours and memory",
        "bench leaderboard --output board.html         # .tex, .md, .csv, .json",
        "bench leaderboard --primary f_d --smallest-effect 0.02",
        "bench leaderboard --published                 # the papers' numbers, too",
        "bench leaderboard --layout paper:diffmix-table1 --format markdown",
    ),
    "bench list": ("bench list", "bench list methods"),
    "bench doctor": ("bench doctor", "bench doctor consep inception", "bench doctor --how"),
    "bench data": ("bench data status", "bench data verify consep --data-root DIR"),
    "bench data status": (
        "bench data status --data-root DIR",
        "bench data status consep",
        "bench data status --how",
    ),
    "bench data get": ("bench data get nct-crc-he --data-root DIR",),
    "bench data verify": (
        "bench data verify phantom",
        "bench data verify my-card.yaml --data-root DIR",
    ),
    "bench weights": ("bench weights list", "bench weights get clip-vit-b-32"),
    "bench weights list": ("bench weights list", "bench weights list uni"),
    "bench weights get": (
        "bench weights get clip-vit-b-32 inception",
        "bench weights get pixcell-256 --weights DIR",
    ),
    "bench data export": ("bench data export consep --data-root DIR --format hovernet --out DIR",),
    "bench data splits": (
        "bench data splits consep --data-root DIR --protocol hovernet-5fold",
        "bench data splits pannuke --data-root DIR --out divisions",
    ),
    "bench score": (
        "bench score nuclei --true LABELS --pred PREDICTIONS",
        "bench score images --real DIR --synthetic DIR",
    ),
    "bench score nuclei": (
        "bench score nuclei --true LABELS --pred PREDICTIONS --mpp 0.5",
        "bench score nuclei --true LABELS --pred PREDICTED --groups slides.csv --json",
    ),
    "bench score images": (
        "bench score images --real DIR --synthetic DIR --test DIR",
        "bench score images --real DIR --synthetic DIR --encoder inception",
        "bench score images --real real.npy --synthetic synthetic.npy --json",
    ),
    "bench score classes": ("bench score classes --true truth.csv --pred predictions.csv",),
    "bench score text": ("bench score text --images DIR --captions captions.csv --encoder plip",),
    "bench import": (
        "bench import IMAGES --labels LABELS --dataset consep --method-name mine",
        "bench import IMAGES --table my.csv --dataset phantom --method-name mine",
    ),
    "bench verify": ("bench verify bench-store/imported/consep/mine",),
    "bench agreement": ("bench agreement", "bench agreement --preset smoke --picture agreement.svg"),
    "bench check": (
        "bench check --update baseline.csv",
        "bench check baseline.csv --junit check.xml",
        "bench check baseline.csv --current results.parquet --tolerance fd=0.05",
    ),
    "bench report": ("bench report --open", "bench report --dataset glysac --output glysac.html"),
    "bench store": ("bench store ls", "bench store verify", "bench store gc --yes"),
    "bench store ls": ("bench store ls", "bench store ls --store DIR --json"),
    "bench store du": ("bench store du",),
    "bench store gc": ("bench store gc", "bench store gc --yes --days 30"),
    "bench store verify": ("bench store verify",),
    "bench store push": ("bench store push file:///mnt/store", "bench store push s3://bucket/store"),
    "bench store pull": ("bench store pull file:///mnt/store",),
    "bench study": ("bench study build sdm=SET1 diffmix=SET2 --out study",),
    "bench study build": (
        "bench study build SET1 SET2 --dataset phantom --out study",
        "bench study build sdm=SET1 diffmix=SET2 --readers 3 --turing 100 --out study",
    ),
    "bench study score": (
        "bench study score study/key.json answers-*.json",
        "bench study score study/key.json answers-*.json --record",
    ),
    "bench ui": ("bench ui", "bench ui --dataset consep", "bench ui --port 0 --no-browser --store DIR"),
    "bench export": ("bench export mlflow",),
    "bench export mlflow": (
        "bench export mlflow",
        "bench export mlflow --to http://localhost:5000",
    ),
}
"""How a command is typed: examples, each short enough for a line of 80 letters."""
