"""Where files of a pipeline are: in a folder, or in the local cache of the hub. Nothing is downloaded."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from bench.errors import DataError, MissingError

INDEX = "model_index.json"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_CONTENT = frozenset({".bin", ".ckpt", ".json", ".model", ".pt", ".pth", ".py", ".safetensors", ".txt"})
# Configuration of components that have no weights, by the beginning of their names.
_LIGHT = {
    "scheduler": "scheduler_config.json",
    "tokenizer": "tokenizer_config.json",
    "feature_extractor": "preprocessor_config.json",
    "image_processor": "preprocessor_config.json",
}


class Source(NamedTuple):
    """A folder, or a repository of the hub at a commit; `subfolder` is the part of it that is read."""

    location: str
    revision: str | None = None
    subfolder: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether the location is a folder on this machine."""
        return Path(self.location).is_dir()

    @property
    def is_hub_id(self) -> bool:
        """Whether the location can only be a repository of the hub."""
        return not self.is_folder and _HUB_ID.fullmatch(self.location) is not None

    def find(self) -> Path | None:
        """Return the folder of its files; None if there is none on this machine."""
        if self.is_folder:
            root: Path | None = Path(self.location)
        else:
            root = _snapshot(self.location, self.revision) if self.is_hub_id and self.revision else None
        folder = None if root is None else root / self.subfolder
        return folder if folder is not None and folder.is_dir() else None

    def folder(self) -> Path:
        """Return the folder of its files.

        Raises:
            MissingError: there is none on this machine.
        """
        found = self.find()
        if found is None:
            raise MissingError("Files of the pipeline are not on this machine", got=self.location)
        return found


def absolute(location: str) -> str:
    """Return a folder as an absolute path, and anything else unchanged."""
    path = Path(location).expanduser()
    return str(path.resolve()) if path.is_dir() else location


def location_key(location: str) -> str:
    """Return a location for keys and records: the digest of a folder's files instead of its path."""
    path = Path(location)
    return f"folder@{digest_folder(path)}" if path.is_dir() else location


def digest_folder(folder: Path) -> str:
    """Return a hash of the names and contents of all weights, code and configuration in a folder."""
    state = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _CONTENT and path.is_file()):
        status = path.stat()
        state.update(f"{path.relative_to(folder).as_posix()}\0".encode(errors="surrogateescape"))
        state.update(_sha256(path, status.st_size, status.st_mtime_ns).encode())
    return state.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        DataError: the file is absent or not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read {path.name} of a pipeline", got=f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path.name} does not contain a JSON object", got=str(path))
    return value


def missing_of_pipeline(folder: Path, replaced: frozenset[str]) -> list[str]:
    """List the files that a pipeline's folder lacks.

    Args:
        folder: the folder with `model_index.json`.
        replaced: components that are read from elsewhere or not at all.

    Raises:
        DataError: `model_index.json` cannot be read.
    """
    if not (folder / INDEX).is_file():
        return [INDEX]
    missing: list[str] = []
    for name, kind in read_json(folder / INDEX).items():
        if isinstance(kind, list) and len(kind) == 2 and None not in kind and name[0] != "_" and name not in replaced:
            missing += [f"{name}/{file}" for file in missing_of_component(folder / name, name)]
    return missing


def missing_of_component(folder: Path, name: str) -> list[str]:
    """List the files that the folder of one component lacks; its name says of which kind it is."""
    for beginning, file in _LIGHT.items():
        if name.startswith(beginning):
            return [] if (folder / file).is_file() else [file]
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    indices = sorted(folder.glob("*.index.json"))
    if indices:
        shards = {shard for index in indices for shard in read_json(index).get("weight_map", {}).values()}
        return missing + sorted(shard for shard in shards if not (folder / shard).is_file())
    weights = any(folder.glob("*.safetensors")) or any(folder.glob("*.bin"))
    return missing if weights else [*missing, "*.safetensors"]


def own_size(folder: Path) -> int | None:
    """Return the side of the images that a pipeline draws by default; None if its configuration does not say.

    It is the denoiser's `sample_size`, times the factor of the autoencoder if there is one.
    """
    denoisers = [folder / name / "config.json" for name in ("unet", "transformer", "prior")]
    config = next((read_json(path) for path in denoisers if path.is_file()), {})
    size = config.get("sample_size")
    if not isinstance(size, int):
        return None
    autoencoders = [folder / name / "config.json" for name in ("vae", "vqvae", "movq")]
    levels = next((read_json(path).get("block_out_channels") for path in autoencoders if path.is_file()), None)
    return size * 2 ** (len(levels) - 1) if isinstance(levels, list) else size


def _snapshot(repository: str, revision: str) -> Path | None:
    """Return the folder of a commit in the local cache of the hub."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


@lru_cache(maxsize=1024)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Return the hash of a file; size and time are arguments so that a file that changed is read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
