"""From folders and files to features: every image once, in order, at its own size, few in memory."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bench.errors import DataError
from bench.scoring import features
from bench.scoring.features import embed, list_images, read_features


class Colours:
    """Mean colours and the size of an image; remembers the batches it was given."""

    def __init__(self):
        self.shapes = []

    def images(self, batch):
        self.shapes.append(batch.shape)
        if min(batch.shape[1:3]) < 4:
            raise DataError("expected images of at least 4 px a side", got=str(batch.shape))
        sizes = np.tile(batch.shape[1:3], (len(batch), 1))
        return np.concatenate([batch.mean(axis=(1, 2)), sizes], axis=1).astype(np.float32)


def write(folder, n, sizes, seed=0):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for index in range(n):
        height, width = sizes[index % len(sizes)]
        images.append(rng.integers(0, 256, (height, width, 3)).astype(np.uint8))
        Image.fromarray(images[-1]).save(folder / f"{index:03d}.png")
    return images


def test_rows_come_in_the_order_of_files_and_batches_hold_one_size(tmp_path) -> None:
    images = write(tmp_path, 45, [(8, 8), (8, 12), (8, 8)])
    encoder = Colours()
    found = embed(list_images(tmp_path, "real"), encoder)
    np.testing.assert_allclose(found[:, :3], [image.mean(axis=(0, 1)) for image in images], rtol=1e-6)
    assert found[:, 3:].astype(int).tolist() == [list(image.shape[:2]) for image in images]
    assert max(shape[0] for shape in encoder.shapes) == 16
    assert len(encoder.shapes) == 3  # 30 of one size in two batches, 15 of the other in one


def test_images_of_many_sizes_do_not_pile_up(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(features, "_WAITING", 4 * 8 * 8 * 3)
    images = write(tmp_path, 20, [(8, width) for width in range(5, 25)])
    held, most = 0, 0
    read = features._read

    class Counting(Colours):
        def images(self, batch):
            nonlocal held
            held -= len(batch)
            return super().images(batch)

    def counted(path):
        nonlocal held, most
        held += 1
        most = max(most, held)
        return read(path)

    monkeypatch.setattr(features, "_read", counted)
    found = embed(list_images(tmp_path, "real"), Counting())
    assert found[:, 4].astype(int).tolist() == [image.shape[1] for image in images]
    assert most < 15


def test_subfolders_count_and_hidden_ones_do_not(tmp_path) -> None:
    write(tmp_path / "a" / "b", 2, [(8, 8)])
    write(tmp_path / ".thumbnails", 2, [(8, 8)])
    np.save(tmp_path / "c.npy", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "notes.txt").touch()
    found = list_images(tmp_path, "real")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a/b/000.png", "a/b/001.png", "c.npy"]
    assert len(embed(found, Colours())) == 3


def test_what_is_no_image_is_named(tmp_path) -> None:
    write(tmp_path, 2, [(8, 8)])
    for name, content, said in (
        ("m.png", np.zeros((8, 8), np.uint16), "8-bit image"),
        ("s.png", np.zeros((2, 2, 3), np.uint8), "at least 4 px"),
    ):
        Image.fromarray(content).save(tmp_path / name)
        with pytest.raises(DataError, match=said) as caught:
            embed(list_images(tmp_path, "real"), Colours())
        assert name in str(caught.value)
        assert caught.value.fix
        (tmp_path / name).unlink()
    np.save(tmp_path / "f.npy", np.zeros((5, 7)))
    with pytest.raises(DataError, match=r"f\.npy is not an 8-bit RGB image"):
        embed(list_images(tmp_path, "real"), Colours())


def test_a_set_has_at_least_two_images(tmp_path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        list_images(tmp_path / "none", "real")
    with pytest.raises(DataError, match="no file"):
        list_images(tmp_path, "real")
    write(tmp_path, 1, [(8, 8)])
    with pytest.raises(DataError, match=r"1 images among 000\.png"):
        list_images(tmp_path, "real")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([[1.0, np.nan], [0, 0], [1, 1]]), "NaN or infinity in 1 of 3 rows, first in row 0"),
        (np.ones((1, 5)), "at least 2 rows"),
        (np.ones(5), "2-D array"),
        (np.ones((4, 5), complex), "2-D array"),
    ],
)
def test_unfit_features_are_named(tmp_path, array, said) -> None:
    np.save(tmp_path / "f.npy", array)
    with pytest.raises(DataError, match=said) as caught:
        read_features(tmp_path / "f.npy", "real")
    assert "f.npy" in str(caught.value)
    assert caught.value.fix
