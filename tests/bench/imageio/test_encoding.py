"""Encoding of files: format, JPEG tables, and the size of a pixel where something of microscopy states it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from bench.errors import DataError
from bench.imageio import EncodingSurvey, contradictions, read_encoding, survey_words
from tests.bench.imageio.test_traces import decoded, tiles

TILE = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
IMAGE = Image.fromarray(TILE)
A_QUARTER = 25_400 / 0.25


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_the_quality_of_a_jpeg_is_that_of_its_tables(tmp_path: Path, quality: int) -> None:
    IMAGE.save(tmp_path / "a.jpg", quality=quality)
    assert read_encoding(tmp_path / "a.jpg") == ("JPEG", quality, None)
    IMAGE.save(tmp_path / "a.tif", compression="jpeg", quality=quality)
    found = read_encoding(tmp_path / "a.tif")
    assert (found.format, found.quality) == ("TIFF (JPEG)", quality)
    IMAGE.save(tmp_path / "a.png")
    assert read_encoding(tmp_path / "a.png") == ("PNG", None, None)


def test_resolution_tags_state_the_size_of_a_pixel(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.bmp"):
        IMAGE.save(tmp_path / name, dpi=(25_400 / 0.5, 25_400 / 0.5))
        assert read_encoding(tmp_path / name).mpp == pytest.approx(0.5, rel=0.02), name
    tifffile.imwrite(tmp_path / "cm.tif", TILE, resolution=(40_000, 40_000), resolutionunit="CENTIMETER")
    tifffile.imwrite(tmp_path / "inch.tif", TILE, resolution=(A_QUARTER, A_QUARTER), resolutionunit="INCH")
    planes = np.moveaxis(TILE, -1, 0)
    tifffile.imwrite(tmp_path / "ij.tif", planes, imagej=True, resolution=(4, 4), metadata={"unit": "um"})
    ome = {"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", TILE, metadata=ome, photometric="rgb")
    nanometres = ome | {"PhysicalSizeX": 250.0, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(tmp_path / "nm.ome.tif", TILE, metadata=nanometres, photometric="rgb")
    aperio = "Aperio Image Library v11\r\n16x16|AppMag = 40|MPP = 0.2500|Left = 1.0"
    tifffile.imwrite(tmp_path / "a.svs", TILE, description=aperio, metadata=None, photometric="rgb")
    for name in ("cm.tif", "inch.tif", "ij.tif", "a.ome.tif", "nm.ome.tif", "a.svs"):
        assert read_encoding(tmp_path / name).mpp == pytest.approx(0.25), name


@pytest.mark.parametrize("dpi", [1, 72, 96, 300, 600])
def test_resolutions_of_screens_and_prints_are_ignored(tmp_path: Path, dpi: int) -> None:
    for name in ("a.png", "a.jpg", "a.tif"):
        IMAGE.save(tmp_path / name, dpi=(dpi, dpi))
        assert read_encoding(tmp_path / name).mpp is None
    tifffile.imwrite(tmp_path / "none.tif", TILE, resolution=(4, 4), resolutionunit="NONE")
    assert read_encoding(tmp_path / "none.tif").mpp is None


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(DataError, match=r"a\.png"):
        read_encoding(tmp_path / "a.png")


def test_a_survey_counts_files_traces_and_sizes(tmp_path: Path) -> None:
    survey = EncodingSurvey(8)
    for index in range(8):
        image = decoded(tiles()[index % 2], 75) if index < 6 else tiles()[0]
        dpi = 25_400 / (0.5 if index < 2 else 0.25)
        Image.fromarray(image).save(tmp_path / f"{index}.png", dpi=(dpi, dpi))
        survey.add(index, image, tmp_path / f"{index}.png")
    found = survey.summary()
    assert found["files"] == {"PNG": 8}
    assert found["jpeg_traces"] == {"images": 8, "found": 6, "quality": 75}
    assert found["stated_mpp"] == {"0.25": 6, "0.5": 2}
    words = "8 PNG; traces of JPEG, about quality 75, in 6 of 8 images; files state 0.25, 0.5 µm per pixel"
    assert survey_words(found) == words
    assert contradictions(found, 0.26) == ["2 of the files looked at state 0.5 µm per pixel, and the card says 0.26"]
    assert len(contradictions(found, 1.0)) == 2
    assert contradictions(found, 0.35) == []


def test_a_survey_of_a_large_set_looks_at_some(tmp_path: Path) -> None:
    Image.fromarray(TILE).save(tmp_path / "a.png")
    survey = EncodingSurvey(1000)
    for index in range(1000):
        survey.add(index, TILE, tmp_path / "a.png")
    found = survey.summary()
    assert 16 <= found["jpeg_traces"]["images"] <= 18
    assert found["files"] == {"PNG": 200}
    assert survey_words(EncodingSurvey(0).summary()) == "no traces of JPEG found in 0 images"
