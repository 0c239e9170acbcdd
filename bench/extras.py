"""Packages that only an extra of the distribution installs, and the error if one is missing."""

from __future__ import annotations

from importlib.util import find_spec

from bench.errors import MissingError

# By import name. Packages that are not listed here are installed with the distribution itself.
EXTRAS = {
    "models": (
        "cleanfid",
        "diffusers",
        "huggingface_hub",
        "lightning_fabric",
        "open_clip",
        "safetensors",
        "timm",
        "torch",
        "torchmetrics",
        "torchvision",
        "transformers",
    ),
    "pages": ("great_tables", "matplotlib"),
    "ray": ("ray",),
    "slurm": ("submitit",),
    "tracking": ("mlflow",),
}


def check_installed(package: str) -> None:
    """Check that a package of an extra is installed, without importing it.

    Raises:
        MissingError: it is not installed.
    """
    if find_spec(package) is None:
        raise _absent(package)


def absent(error: Exception) -> MissingError | None:
    """Return the error for an import that failed because an extra is not installed; None for any other cause."""
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return _absent(package) if _extra(package) else None


def _extra(package: str) -> str:
    return next((extra for extra, packages in EXTRAS.items() if package in packages), "")


def _absent(package: str) -> MissingError:
    return MissingError(
        f"This needs the package {package}, which comes with the extra {_extra(package)!r}",
        got=f"{package} is not installed",
        fix=f"pip install 'augbench[{_extra(package)}]'",
    )
