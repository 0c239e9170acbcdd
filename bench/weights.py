"""Weights: a published file, or one of the user, that a method, a network or an encoder starts from.

This module is on the ground floor and imports the standard library only, so that every package may import it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Weights:
    """One file of weights, and whether it was found.

    Attributes:
        name: a description of the file.
        setting: the setting or option that points to it.
        source: where to get it.
        size: its approximate size, with the unit.
        sha256: SHA-256 of the published files that fit, or as many first digits as were published; may be empty.
        licence: the terms of use; empty where they are not known.
        preprocessing: what happens to the pixels before the network sees them; empty where nothing is fixed.
        path: where the file was found; None where it was not.
        reason: why it was not found, or why the file there does not fit; empty where all is well.
        card: the name by which `bench weights get` fetches it; empty where it cannot.
        gate: the page on which terms must be accepted first; empty if nothing must be accepted.
        automatic: whether a run may fetch it by itself: it is public, and found in the folder of weights.
    """

    name: str
    setting: str
    source: str
    size: str
    sha256: tuple[str, ...] = ()
    licence: str = ""
    preprocessing: str = ""
    path: Path | None = None
    reason: str = ""
    card: str = ""
    gate: str = ""
    automatic: bool = False

    @property
    def where(self) -> str:
        """Where to get it, with the licence where that is known."""
        return f"{self.source} (licence {self.licence})" if self.licence else self.source

    @property
    def how(self) -> str:
        """How to get it: steps, separated by semicolons."""
        by_hand = f"get it from {self.where}; set {self.setting}"
        if not self.card:
            return by_hand
        terms = f"accept the terms at {self.gate}; run `hf auth login`; " if self.gate else ""
        return f"{terms}run `bench weights get {self.card}`; or {by_hand}"

    @property
    def found(self) -> bool:
        """Whether a file is there that fits."""
        return self.path is not None and not self.reason
