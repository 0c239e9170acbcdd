"""The four classes of nucleus as populations: sizes, shapes and chromatin."""

from __future__ import annotations

from dataclasses import dataclass

from bench.datasets.phantom.config import EPITHELIAL, INFLAMMATORY, MISCELLANEOUS, SPINDLE


@dataclass(frozen=True)
class NucleusClass:
    """Population of a class. Semi-axes are medians in px at 40x; spreads are standard deviations of logarithms."""

    major: float
    minor: float
    size_spread: float
    aspect_spread: float
    irregularity: float
    """Amplitude of the outline's lobes, relative to its radius."""
    bend: float
    """Standard deviation of the curvature of the long axis."""
    hematoxylin: float
    """Median stain of a nucleus; 1 unit is one length of the stain vector."""
    hematoxylin_spread: float
    chromatin: float
    """Contrast of clumps, relative to the mean stain."""
    rim: float
    """Extra stain at the membrane, relative."""
    hollow: float
    """Missing stain in the middle, relative."""
    nucleoli: float
    """Mean number of nucleoli."""
    halo: float
    """Share of nuclei with a pale gap round them."""
    overlap: float
    """Largest share of a nucleus that may overlap others."""


NUCLEUS_CLASSES = {
    MISCELLANEOUS: NucleusClass(
        major=5.6,
        minor=3.9,
        size_spread=0.34,
        aspect_spread=0.20,
        irregularity=0.16,
        bend=0.10,
        hematoxylin=1.18,
        hematoxylin_spread=0.26,
        chromatin=0.40,
        rim=0.10,
        hollow=0.0,
        nucleoli=0.0,
        halo=0.6,
        overlap=0.30,
    ),
    INFLAMMATORY: NucleusClass(
        major=9.2,
        minor=7.5,
        size_spread=0.17,
        aspect_spread=0.10,
        irregularity=0.05,
        bend=0.03,
        hematoxylin=1.25,
        hematoxylin_spread=0.22,
        chromatin=0.45,
        rim=0.10,
        hollow=0.1,
        nucleoli=0.1,
        halo=0.4,
        overlap=0.20,
    ),
    EPITHELIAL: NucleusClass(
        major=13.6,
        minor=9.0,
        size_spread=0.24,
        aspect_spread=0.15,
        irregularity=0.06,
        bend=0.04,
        hematoxylin=0.65,
        hematoxylin_spread=0.26,
        chromatin=0.50,
        rim=0.35,
        hollow=0.30,
        nucleoli=1.1,
        halo=0.0,
        overlap=0.38,
    ),
    SPINDLE: NucleusClass(
        major=12.2,
        minor=5.3,
        size_spread=0.27,
        aspect_spread=0.22,
        irregularity=0.07,
        bend=0.14,
        hematoxylin=0.62,
        hematoxylin_spread=0.30,
        chromatin=0.42,
        rim=0.15,
        hollow=0.10,
        nucleoli=0.4,
        halo=0.1,
        overlap=0.20,
    ),
}
"""Calibrated so that areas and optical densities of visible nuclei agree with CoNSeP's (see the tests)."""
