"""The source and the file of an encoder's weights; does not import torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bench.errors import MissingError
from bench.weight_cards import weight_card
from bench.weights import Weights
from metrics.encoders.folder import find_file, hub_places

SETTING = "--weights PATH or BENCH_WEIGHTS, the file or the folder that contains it"


@dataclass(frozen=True)
class WeightsFile:
    """The published file of an encoder's weights.

    `sha256` is that of the published file, or as many of its first digits as were published; empty if it is not
    known. Any other file gives the encoder another name, so that published metric names belong to published weights.
    `others` are further names under which the same weights are published, `hub` the id of their repository,
    `companions` files that must be next to them. `own_folder` is a folder that is searched first (a card's own).
    `licence` is empty if it is not known. `card` is the name of the card that states all this, by which
    `bench weights get` fetches the file, `gate` the page on which terms must be accepted first.
    `claims`: the encoder's name is that of a published model, which a file of unknown hash does not prove.
    """

    encoder: str
    file: str
    source: str
    size: str
    sha256: str = ""
    hub: str = ""
    others: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    own_folder: Path | None = None
    claims: bool = True
    licence: str = ""
    other_sha256: tuple[str, ...] = ()
    card: str = ""
    gate: str = ""

    @classmethod
    def of_card(
        cls, card: str, encoder: str = "", *, companions: tuple[str, ...] = (), file: str = "", claims: bool = True
    ) -> WeightsFile:
        """Return the file of a card of published weights.

        Args:
            card: the name of the card.
            encoder: the encoder's name (empty: the card's).
            companions: files that must be next to the weights.
            file: which of the card's files is meant, if it has several (empty: the first).
            claims: whether the encoder's name is that of a published model.
        """
        known = weight_card(card)
        meant = next(one for one in known.files if file in ("", one.name))
        others = [one for one in known.files if one.other and not file]
        return cls(
            encoder=encoder or known.name,
            file=meant.name,
            source=known.source,
            size=known.size,
            sha256=meant.sha256,
            hub=known.hub,
            others=tuple(one.name for one in others),
            companions=companions,
            claims=claims,
            licence=known.licence,
            other_sha256=tuple(one.sha256 for one in others if one.sha256),
            card=known.name,
            gate=known.page if known.access == "gated" else "",
        )

    def path(self, weights: Path | None) -> Path | None:
        """Return the file that `weights` (a file, a folder or None) points to; None if it does not exist."""
        if weights is not None and weights.is_file():
            return weights
        for folder in (self.own_folder, weights):
            if folder is not None and folder.is_dir():
                found = find_file(folder, (self.file, *self.others), self.hub, self.encoder)
                if found is not None:
                    return found
        return None

    def weights(self, weights: Path | None, preprocessing: str = "") -> Weights:
        """Return the weights that are needed, and their path; `preprocessing` describes what is done to pixels."""
        path, missing = self._look(weights)
        return Weights(
            name=f"{self.encoder} weights ({self._title})",
            setting=SETTING,
            source=self.source,
            size=self.size,
            sha256=self._hashes,
            licence=self.licence,
            preprocessing=preprocessing,
            path=path,
            reason=f"{missing[0].upper()}{missing[1:]}." if missing else "",
            card=self.card,
            gate=self.gate,
            automatic=bool(self.card)
            and not self.gate
            and bool(missing)
            and (weights is None or not weights.is_file()),
        )

    def demand(self, weights: Path | None) -> Path:
        """Return the file.

        Raises:
            MissingError: it does not exist, or a file that must be next to it is missing.
        """
        path, missing = self._look(weights)
        if path is None or missing:
            raise MissingError(
                f"The encoder {self.encoder!r} needs its weights, {self._title} ({self.size})",
                got=missing,
                fix=self.weights(weights).how,
            )
        return path

    def label(self, weights: Path | None) -> str:
        """Return the encoder's name for the published file; for another file, the name with 8 hex digits of sha256.

        If the published hash of one of its forms is not known, the name also contains `-unverified`.
        """
        digest = file_sha256(self.demand(weights))
        if any(map(digest.startswith, self._hashes)):
            return self.encoder
        unsure = not self.sha256 or (self.card and len(self.other_sha256) < len(self.others))
        doubt = "-unverified" if self.claims and unsure else ""
        return f"{self.encoder}{doubt}-{digest[:8]}"

    @property
    def _hashes(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.sha256, *self.other_sha256)))

    @property
    def _title(self) -> str:
        return f"{self.file} of {self.hub}" if self.hub else self.file

    def _look(self, weights: Path | None) -> tuple[Path | None, str]:
        """Return the file, and a description of what is missing."""
        path = self.path(weights)
        if path is None:
            return None, self._where(weights)
        absent = [name for name in self.companions if not (path.parent / name).is_file()]
        return path, f"no {absent[0]} next to {path}" if absent else ""

    def _where(self, weights: Path | None) -> str:
        folder = weights or self.own_folder
        if folder is None:
            return "no path to weights is set"
        if not folder.is_dir():
            return f"no file at {folder}"
        names = " or ".join((self.file, *self.others))
        return f"no {names} in {folder}" + (f", nor in its {hub_places(self.hub)}" if self.hub else "")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file; a file that does not change is read once per process.

    >>> file_sha256(Path("/dev/null"))[:8]  # of no bytes
    'e3b0c442'
    """
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


def identity(weights_sha256: str, preprocessing: str) -> str:
    """Return what distinguishes an encoder from others: a hash of its weights, and the preprocessing in words.

    >>> identity("ab12", "224 px")
    'ab12; 224 px'
    """
    return f"{weights_sha256}; {preprocessing}"


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
