"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

DEFAULT_STORE = Path("bench-store")

StoreOption = Annotated[
    Optional[Path],
    typer.Option(
        "--store", help="Folder for everything that runs write [BENCH_STORE, else ./bench-store].", metavar="DIR"
    ),
]
DataRootOption = Annotated[
    Optional[Path],
    typer.Option("--data-root", help="Folder that holds the datasets [BENCH_DATA_ROOT].", metavar="DIR"),
]
WeightsOption = Annotated[
    Optional[Path],
    typer.Option(
        "--weights",
        help="Folder that holds pretrained weights [BENCH_WEIGHTS, else augbench/weights in the user's cache].",
        metavar="DIR",
    ),
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Fetch nothing: list what is missing instead [BENCH_OFFLINE].")
]
DeviceOption = Annotated[str, typer.Option("--device", help="Device: auto, cpu, cuda or mps.")]
DevicesOption = Annotated[
    int,
    typer.Option(
        "--devices",
        min=1,
        help="Number of devices that share each batch when diffusion models are trained; part of their keys.",
    ),
]
PrecisionOption = Annotated[
    Optional[str], typer.Option("--precision", help="Precision: 32-true, bf16-mixed or 16-mixed [the preset's].")
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", min=1, help="Number of threads for numerical libraries; part of every key.")
]
JobsOption = Annotated[
    int, typer.Option("--jobs", min=1, help="Number of steps to run in parallel; does not change results.")
]
ExecutorOption = Annotated[
    Optional[str],
    typer.Option(
        "--executor",
        metavar="NAME",
        help="Where steps run: local (processes of this machine), slurm or ray [in this process, or local with --jobs "
        "or --gpus].",
    ),
]
GpusOption = Annotated[
    Optional[str],
    typer.Option(
        "--gpus",
        metavar="N,N,...",
        help="GPUs to use, with one step at a time on each, e.g. 0,1 [all that are visible].",
    ),
]
ProfileOption = Annotated[
    Optional[str],
    typer.Option(
        "--profile", metavar="NAME|FILE", help="Profile of the cluster for --executor slurm: a YAML file [slurm]."
    ),
]
AddressOption = Annotated[
    Optional[str],
    typer.Option(
        "--address", metavar="HOST:PORT", help="Address of a cluster for --executor ray [one is started here]."
    ),
]
WorkersOption = Annotated[
    Optional[int],
    typer.Option(
        "--workers",
        min=0,
        help="Number of processes that load data during training; does not change results [4 with a GPU, else 0].",
    ),
]
TrackingUriOption = Annotated[
    Optional[str],
    typer.Option("--tracking-uri", metavar="URI", help="MLflow server [BENCH_TRACKING_URI, else SQLite in the store]."),
]
TrackingOption = Annotated[bool, typer.Option(help="Log to MLflow.")]


def resolve_store(store: Path | None) -> Path:
    """Return the store: the option if given, else BENCH_STORE, else ./bench-store."""
    from bench.config import Environment

    return (store or Environment.read().store or DEFAULT_STORE).absolute()


def resolve_data_root(root: Path | None) -> Path | None:
    """Return the data root: the option if given, else BENCH_DATA_ROOT."""
    from bench.config import Environment

    chosen = root or Environment.read().data_root
    return None if chosen is None else chosen.absolute()


def resolve_weights(weights: Path | None) -> Path:
    """Return the folder of weights: the option if given, else BENCH_WEIGHTS, else `augbench/weights` in the cache."""
    from bench.config import Environment

    environment = Environment.read()
    return (weights or environment.weights or environment.cache / "augbench" / "weights").absolute()


def fetching(offline: bool) -> dict[str, bool | str]:
    """Return the fields of a request that say whether and from where missing files are fetched."""
    from bench.config import Environment

    environment = Environment.read()
    return {"offline": offline or environment.offline, "mirror": environment.mirror}


def executing(
    executor: str | None, jobs: int, gpus: str | None, profile: str | None, address: str | None
) -> dict[str, object]:
    """Return the fields of a request that say where its steps are done.

    A profile that is a file of the working directory is given with its whole path.
    """
    from bench.errors import ConfigError

    named = () if gpus is None else tuple(name.strip() for name in gpus.split(","))
    if not all(named):
        raise ConfigError("--gpus is not a list of GPUs", got=repr(gpus), fix="for example --gpus 0,1")
    file = profile or ""
    return {
        "executor": executor,
        "jobs": jobs,
        "gpus": named,
        "profile": str(Path(file).absolute()) if file and Path(file).is_file() else file,
        "address": address or "",
    }
