"""Features: each encoder sees every image once, in order, and what it saw is found again by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from bench.contract import Condition
from bench.engine.session import Session, drive, together
from bench.evaluation.distances.features import (
    Colours,
    Features,
    Image,
    Images,
    RealPatches,
    SetImages,
    embed_step,
    read_features,
)
from bench.evaluation.distances.memory import together as join
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from tests import toy

N = 70  # more than one batch


class Mean:
    """An encoder of one number a channel; counts the images that it was shown."""

    def __init__(self, name: str, version: int = 1) -> None:
        self.name, self.identity, self.version, self.seen = name, f"mean {name}", version, 0

    def load(self, device: str) -> Mean:
        return self

    def images(self, batch: np.ndarray) -> np.ndarray:
        self.seen += len(batch)
        return batch.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)


class Numbers:
    """Images of one grey each, their number."""

    title: ClassVar[str] = "numbers"
    config: ClassVar[Mapping[str, Any]] = {}
    inputs: ClassVar[Mapping[str, str]] = {"images": "numbers"}

    def __len__(self) -> int:
        return N

    def read(self, context: object) -> Iterator[Image]:
        for index in range(N):
            yield Image(np.full((4, 4, 3), index, np.uint8), f"slide-{index % 3}", str(index))


def embed(session: Session, encoders: Sequence[Any], images: Images) -> dict[str, Features]:
    steps = [embed_step(session, encoder, images) for encoder in encoders]
    done = drive(together(*(session.do(step) for step in steps)))
    return {encoder.name: read_features(one.path) for encoder, one in zip(encoders, done, strict=True)}


def test_every_encoder_sees_every_image_once(session: Session) -> None:
    encoders = [Mean("a"), Mean("b"), Mean("c")]
    found = embed(session, encoders, Numbers())
    assert [encoder.seen for encoder in encoders] == [N] * 3
    for features in found.values():
        np.testing.assert_array_equal(features.values, np.repeat(np.arange(N)[:, None], 3, axis=1))
        assert features.groups[:4] == ["slide-0", "slide-1", "slide-2", "slide-0"]
        assert features.names == [str(i) for i in range(N)]


def test_only_what_is_missing_is_made(session: Session) -> None:
    first = embed(session, [Mean("b")], Numbers())["b"]
    encoders = [Mean("a"), Mean("b"), Mean("c"), Mean("b", version=2)]
    found = embed(session, encoders[:3], Numbers())
    assert [encoder.seen for encoder in encoders] == [N, 0, N, 0]
    np.testing.assert_array_equal(found["b"].values, first.values)
    embed(session, encoders, Numbers())
    assert [encoder.seen for encoder in encoders] == [N, 0, N, N]


def test_what_was_cut_short_is_made_again(session: Session) -> None:
    class Broken(Mean):
        def images(self, batch: np.ndarray) -> np.ndarray:
            if self.seen:
                raise KeyboardInterrupt
            return super().images(batch)

    with pytest.raises(KeyboardInterrupt):
        embed(session, [Mean("a"), Broken("b")], Numbers())
    again = Session(session.store, session.reporter, session.device, session.precision, session.threads)
    encoders = [Mean("a"), Mean("b")]
    found = embed(again, encoders, Numbers())
    assert [encoder.seen for encoder in encoders] == [0, N]
    np.testing.assert_array_equal(found["a"].values, found["b"].values)


def test_real_patches_have_names_of_their_own(session: Session) -> None:
    tiles = toy.NucleiDataset(n_tiles=3, size=48)
    found = embed(session, [Colours()], RealPatches(tiles, 9, 32))["colour"]
    assert found.values.shape == (9, 10)
    assert len(set(found.names)) == 9
    assert {name.split()[0] for name in found.names} == set(tiles.ids)


def test_an_image_in_two_parts_counts_once() -> None:
    part = Features(np.arange(6.0).reshape(3, 2), ["s", "s", "t"], ["a", "b", "c"])
    other = Features(np.array([[2.0, 3.0], [8.0, 9.0], [8.0, 9.0]]), ["s", "u", "u"], ["b", "d", "d"])
    joined = join([part, other])
    assert joined.names == ["a", "b", "c", "d"]
    assert joined.groups == ["s", "s", "t", "u"]
    np.testing.assert_array_equal(joined.values, [[0, 1], [2, 3], [4, 5], [8, 9]])


def test_a_set_is_decoded_in_order_by_any_number_of_threads(tmp_path, monkeypatch) -> None:
    data = toy.NucleiDataset(9, size=32)
    writer = SyntheticSetWriter(tmp_path, data.info, {})
    for index, sample in enumerate(data.samples):
        condition = Condition(id=sample.id, kind="copy", seed=0, instances=sample.instances, types=sample.types)
        writer.write(index, condition, sample.image, sample.group)
    writer.seal(9, {})
    threads, decode = set(), SyntheticSet.image

    def slow(self: SyntheticSet, index: int) -> np.ndarray:
        threads.add(threading.get_ident())
        time.sleep(0.02 * (index % 3 == 0))  # later ones are done first
        return decode(self, index)

    monkeypatch.setattr(SyntheticSet, "image", slow)
    for n in (1, 3):
        threads.clear()
        found = list(SetImages(SyntheticSet(tmp_path)).read(toy.Run(threads=n)))
        assert len(threads) == n
        assert [(image.name, image.group) for image in found] == [(s.id, s.group) for s in data.samples]
        for image, sample in zip(found, data.samples, strict=True):
            np.testing.assert_array_equal(image.pixels, sample.image)
