"""Packages that only an extra of the distribution installs, and the error where one is absent."""

from __future__ import annotations

from importlib.util import find_spec

from bench.errors import MissingError

# By import name. What is not named here is installed with the distribution itself.
EXTRAS = {
    "models": (
        "cleanfid",
        "diffusers",
        "lightning_fabric",
        "monai",
        "open_clip",
        "safetensors",
        "timm",
        "torch",
        "torchmetrics",
        "torchvision",
        "transformers",
    ),
    "tracking": ("mlflow",),
}


def check_installed(package: str) -> None:
    """Check that a package of an extra is installed; it is not imported.

    Raises:
        MissingError: it is not.
    """
    if find_spec(package) is None:
        raise _absent(package)


def absent(error: Exception) -> MissingError | None:
    """Return the error to show where an import failed for want of an extra, None where something else is wrong."""
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return _absent(package) if _extra(package) else None


def _extra(package: str) -> str:
    return next((extra for extra, packages in EXTRAS.items() if package in packages), "")


def _absent(package: str) -> MissingError:
    return MissingError(
        f"this needs the package {package}, which comes with the extra {_extra(package)!r}",
        got=f"{package} is not installed",
        fix=f"pip install 'augbench[{_extra(package)}]'",
    )
