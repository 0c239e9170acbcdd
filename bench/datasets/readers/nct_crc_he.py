"""NCT-CRC-HE-100K and CRC-VAL-HE-7K: patches of nine tissue classes (Kather et al. 2019)."""

from __future__ import annotations

from bench.datasets.readers.image_folder import ImageFolder
from bench.datasets.source import Finding


class NctCrcHe(ImageFolder):
    """Trained on NCT-CRC-HE-100K (or its NONORM release, by the card), tested on CRC-VAL-HE-7K.

    The training set does not name patients, so every patch is its own group; the test set is from others. Either
    folder can be read without the other.
    """

    def layout_findings(self, split: str) -> list[Finding]:
        """Return problems, including patches whose names give another class than their folders."""
        findings = list(super().layout_findings(split))
        for item in self.items(split):
            named = item.path.name.split("-")[0]
            if named != self.card.labels[item.label]:
                message = f"named {named}, but in the folder of {self.card.labels[item.label]}"
                findings.append(Finding("warning", f"{item.id}{item.path.suffix}", message))
        return findings
