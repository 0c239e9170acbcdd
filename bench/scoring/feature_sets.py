"""Features of the sets given on the command line: read from files, or computed from folders by an encoder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bench.engine.device import resolve_device
from bench.engine.reporter import Reporter
from bench.errors import ConfigError, DataError
from bench.plan.checks import stop_if_missing
from bench.plan.encoders import encoder_handle
from bench.scoring.features import embed, list_images, read_features
from bench.scoring.images import FEATURES, Sets, Values

DEFAULT_ENCODER = "random-convnet"


def load_sets(
    real: Path,
    synthetic: Path,
    test: Path | None,
    *,
    encoder: str | None,
    weights: Path | None,
    device: str,
    reporter: Reporter,
) -> Sets:
    """Return the features of all sets: all from `.npy` files, or all from folders of images.

    Raises:
        ConfigError: files and folders are mixed, an encoder is given with files, or there is no such encoder.
        MissingError: the encoder's weights or the device are not available.
        DataError: a file or an image is not valid.
    """
    named = {"real": real, "synthetic": synthetic} | ({} if test is None else {"test": test})
    for side, path in named.items():
        if not path.exists():
            fix = "give a folder of images, or a .npy file of features"
            raise DataError(f"There are no {side} images or features at {path}", got="no such file or folder", fix=fix)
    are_files = {side: path.suffix.lower() == ".npy" and not path.is_dir() for side, path in named.items()}
    if all(are_files.values()):
        if encoder is not None:
            raise ConfigError(
                "--encoder is given with files of features",
                got=f"--encoder {encoder}",
                fix="leave it out, or give folders of images",
            )
        found: dict[str, Values] = {side: read_features(path, side) for side, path in named.items()}
        return Sets(found["real"], found["synthetic"], found.get("test"), FEATURES)
    if any(are_files.values()):
        kinds = ", ".join(f"--{side} is a {'file' if is_file else 'folder'}" for side, is_file in are_files.items())
        raise ConfigError(
            "Some sets are folders of images and others are .npy files of features",
            got=kinds,
            fix="give folders for all sets, or extract features of all sets with one encoder",
        )
    handle = encoder_handle(encoder or DEFAULT_ENCODER, weights)
    listed = {side: list_images(path, side) for side, path in named.items()}
    stop_if_missing(list(handle.missing("--encoder random-convnet")))
    loaded = handle.load(resolve_device(device).kind)
    found = {}
    rules = {side: Counter[str]() for side in listed}
    for side, paths in listed.items():
        with reporter.progress(f"embed {side}", len(paths), unit="image") as progress:
            found[side] = embed(paths, loaded, progress, rules[side])
    return Sets(found["real"], found["synthetic"], found.get("test"), handle.metric_name, rules)
