"""Near-duplicates across splits: what is found, what is not, and that blank images cry no wolf."""

from __future__ import annotations

import io
import time
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from bench.datasets.checks.look_alikes import LISTED, MAX_BITS, look, near_duplicates, nearest, similar
from bench.datasets.source import Tally
from tests.toy import tile


def image(seed: int, size: int = 128) -> np.ndarray:
    return tile(seed, size, density=0.006)[0]


def jpeg(array: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", quality=60)
    return np.array(Image.open(buffer))


def rescaled(array: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(array).resize((80, 80), Image.Resampling.BILINEAR))


def brighter(array: np.ndarray) -> np.ndarray:
    return np.clip(array.astype(float) * 1.05 + 4, 0, 255).astype(np.uint8)


def tally(name: str, array: np.ndarray) -> Tally:
    return Tally(name, name, array.shape[:2], look=look(array))


@pytest.mark.parametrize("changed", [jpeg, rescaled, brighter])
def test_the_same_image_is_found_after(changed) -> None:
    train = [look(image(seed)) for seed in range(40)]
    test = [look(changed(image(seed))) for seed in (100, 7, 101)]
    assert [(pair.own, pair.other) for pair in similar(test, train)] == [(1, 7)]


@pytest.mark.parametrize("changed", [np.fliplr, np.flipud, np.rot90])
def test_flips_and_rotations_are_not_found(changed) -> None:
    assert similar([look(np.ascontiguousarray(changed(image(7))))], [look(image(7))]) == []


def test_the_code_is_the_hash_of_imagehash() -> None:
    """The numbers are those of `imagehash.phash`, ImageHash 4.3.2."""
    y, x = np.indices((32, 32))
    greys = {
        0x905DF6A4C35DB14A: np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8),
        0xEF6B94946313926C: np.where((y - 12) ** 2 + (x - 20) ** 2 < 60, 90, 220),
        0xF0A89D5D615B611D: 128 + 60 * np.sin(x / 3) + 60 * np.cos(y / 5),
        0x8000000000000000: 8 * x,
    }
    images = {code: np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2) for code, grey in greys.items()}
    images |= {0xE082F841A6F3E7C6: image(0), 0xCD7664639296FA18: image(1), 0xFB4DA951EC911554: image(2)}
    assert [look(array).code for array in images.values()] == list(images)


def test_nearly_blank_images_look_like_none() -> None:
    rng = np.random.default_rng(0)
    blank = [np.clip(rng.normal(240, 3, (64, 64, 3)), 0, 255).astype(np.uint8) for _ in range(2)]
    blank.append(np.full((64, 64, 3), 240, np.uint8))
    looks = [look(array) for array in blank]
    assert all(item.flat for item in looks)
    assert similar(looks, looks) == []
    assert not look(image(0)).flat


def test_an_image_without_pixels_has_no_look() -> None:
    assert look(np.zeros((0, 0, 3), np.uint8)) is None
    assert look(np.zeros((1, 1, 3), np.uint8)).flat


def test_nearest_is_a_count_of_bits_with_the_first_of_equals() -> None:
    rng = np.random.default_rng(0)
    codes, others = (rng.integers(0, 2**64, n, dtype=np.uint64, endpoint=False) for n in (600, 70))
    index, bits = nearest(codes, others)
    for code, found, n in zip(codes.tolist(), index, bits, strict=True):
        apart = [(code ^ other).bit_count() for other in others.tolist()]
        assert (n, found) == (min(apart), int(np.argmin(apart)))


def test_ten_thousand_by_ten_thousand_in_seconds_and_little_memory() -> None:
    codes = np.random.default_rng(0).integers(0, 2**63, (2, 10_000)).astype(np.uint64)
    tracemalloc.start()
    begun = time.perf_counter()
    nearest(*codes)
    seconds, peak = time.perf_counter() - begun, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 5  # 0.1 measured
    assert peak < 50e6  # all pairs at once: 900 MB


def test_findings_name_both_images_and_end_in_a_count() -> None:
    n = LISTED + 5
    train = [tally(f"a{seed}", image(seed, 64)) for seed in range(n)]
    test = [tally(f"b{seed}", jpeg(image(seed, 64))) for seed in range(n)]
    test += [tally("blank", np.full((64, 64, 3), 240, np.uint8)), Tally("text", "text", None)]
    found = list(near_duplicates({"train": train, "test": test}))
    listed = [item for item in found if "looks like" in item.message]
    assert len(listed) == LISTED
    for item in listed:
        assert item.severity == "warning"
        assert item.message.startswith(f"looks like a{item.file[1:]} in train (")
    assert [(item.severity, item.file) for item in found[LISTED:]] == [("warning", "test"), ("info", "test")]
    assert f"{n} images look like one in train" in found[LISTED].message
    assert "1 nearly blank images" in found[-1].message


def test_different_images_are_no_finding() -> None:
    splits = {"train": range(60), "test": range(100, 130)}
    tallies = {split: [tally(f"{split}{seed}", image(seed)) for seed in seeds] for split, seeds in splits.items()}
    assert list(near_duplicates(tallies)) == []
    codes = [np.array([item.look.code for item in read], np.uint64) for read in tallies.values()]
    assert nearest(*codes)[1].min() > MAX_BITS
