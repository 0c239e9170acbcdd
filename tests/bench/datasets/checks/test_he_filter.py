"""The colour filter: haematoxylin and eosin pass, other stains, grey and empty images do not."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.checks.he_filter import Colours, Thresholds, measure, refused, write_manifest
from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.draw import draw_tile
from bench.datasets.phantom.tissue import draw_tissue
from bench.datasets.readers.image_caption import ImageCaption
from bench.imageio import write_png
from tests.bench.datasets.layouts_images import own_card, write_csv

# optical densities of Ruifrok and Johnston 2001
HAEMATOXYLIN, EOSIN = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)
DAB, ALCIAN_BLUE, METHYL_GREEN = (0.27, 0.57, 0.78), (0.874, 0.457, 0.158), (0.98, 0.14, 0.13)


def stained(*stains: tuple[float, float, float], most: float = 1.2) -> np.ndarray:
    """Mix stains in amounts that vary from pixel to pixel, by the Beer-Lambert law."""
    rng = np.random.default_rng(0)
    density = sum(rng.uniform(0.1, most, (96, 96, 1)) * np.array(stain) for stain in stains)
    return np.round(255 * np.exp(-density)).astype(np.uint8)


@pytest.mark.parametrize("slide", range(6))
def test_phantoms_of_any_stain_vectors_pass(slide: int) -> None:
    image = draw_tile(slide, f"slide-{slide:02d}", 128, config=PhantomConfig()).image
    assert refused(measure(image)) == ""


def test_tissue_passes_and_bare_glass_does_not() -> None:
    reasons = [refused(measure(draw_tissue(0, "slide-01", label, 96, config=PhantomConfig())[0])) for label in range(9)]
    assert reasons == ["", "white", "", "", "", "", "", "", ""]  # BACK is second; fat is mostly white, and passes


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (stained(HAEMATOXYLIN, EOSIN), ""),
        (stained(HAEMATOXYLIN, EOSIN, most=0.4), ""),
        (np.concatenate([stained(DAB), stained(DAB), stained(HAEMATOXYLIN)]), "hue"),
        (np.concatenate([stained(DAB), stained(HAEMATOXYLIN), stained(HAEMATOXYLIN)]), "blue"),
        (stained(DAB), "hue"),
        (stained(ALCIAN_BLUE), "hue"),
        (stained(METHYL_GREEN), "hue"),
        (stained(HAEMATOXYLIN), "blue"),
        (np.repeat(stained(HAEMATOXYLIN, EOSIN)[:, :, :1], 3, axis=2), "grey"),
        (np.full((40, 40, 3), 250, np.uint8), "white"),
        (np.zeros((40, 40, 3), np.uint8), "dark"),
    ],
    ids=[
        "H&E",
        "pale H&E",
        "more DAB than H",
        "more H than DAB",
        "DAB",
        "alcian blue",
        "methyl green",
        "H alone",
        "greyscale",
        "glass",
        "black",
    ],
)
def test_stains_are_told_apart(image: np.ndarray, reason: str) -> None:
    assert refused(measure(image)) == reason


def test_shares_are_of_what_they_say() -> None:
    image = np.full((100, 100, 3), 255, np.uint8)
    image[:40] = 0
    image[40:60] = 128
    image[60:70] = stained(HAEMATOXYLIN, EOSIN)[:10, :1]
    found = measure(image)
    assert (found.white, found.dark) == (0.3, 0.4)
    assert found.grey == pytest.approx(2 / 3)
    assert found.he == pytest.approx(1 / 3, abs=0.05)
    assert found.eosin <= found.he


def test_brightness_and_size_do_not_matter_and_thresholds_do() -> None:
    image = stained(HAEMATOXYLIN, EOSIN)
    large = np.kron(image, np.ones((6, 6, 1), np.uint8))
    assert measure(large).he == pytest.approx(measure(image).he, abs=0.02)
    assert refused(Colours(white=0.5, dark=0, grey=0, he=0.7, eosin=0.7)) == ""
    assert refused(Colours(white=0.5, dark=0, grey=0, he=0.7, eosin=0.7), Thresholds(he=0.8)) == "hue"
    assert refused(measure(image[:1, :1])) == ""


def test_the_manifest_lists_what_was_kept_and_counts_the_rest(tmp_path: Path) -> None:
    images = {"he.png": stained(HAEMATOXYLIN, EOSIN), "brown.png": stained(DAB), "glass.png": np.full((9, 9, 3), 255)}
    for name, image in images.items():
        write_png(tmp_path / name, image.astype(np.uint8))
    (tmp_path / "broken.png").write_bytes(b"x")
    names = [*images, "broken.png", "absent.png"]
    write_csv(tmp_path / "captions.csv", [{"image": name, "caption": "text"} for name in names])
    source = ImageCaption(own_card("image-caption", splits=("train",)), tmp_path)
    out = tmp_path / "he.csv"
    assert write_manifest(source, out) == {"kept": 1, "hue": 1, "white": 1, "unreadable": 1, "no image": 1}
    with out.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["file"], row["split"]) for row in rows] == [("he", "train")]
    assert float(rows[0]["he"]) == pytest.approx(measure(images["he.png"]).he, abs=1e-4)
    assert not list(tmp_path.glob("*.tmp"))
