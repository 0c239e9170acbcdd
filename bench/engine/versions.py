"""The installed versions of what numbers depend on."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("augbench", "numpy", "torch", "opencv-python-headless", "scikit-image", "diffusers")


def package_versions(*others: str) -> dict[str, str]:
    """Return the installed version of each package that numbers depend on, and of `others` (distribution names)."""
    found = {}
    for name in dict.fromkeys((*_PACKAGES, *filter(None, others))):
        installed = _version(name)
        if installed is not None:
            found[name] = installed
    return found


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
