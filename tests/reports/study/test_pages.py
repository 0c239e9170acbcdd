"""Pages: everything that is asked is on them, and nothing on them tells what an image is."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import struct
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.errors import BenchError, ConfigError
from reports.study.draft import Amounts, by_name
from reports.study.encode import encode
from reports.study.key import Key
from reports.study.pages import Built, Words, build_study
from reports.study.pools import Pool, canonical
from tests.reports.study.made import AMOUNTS, METHODS, SIDE, mask, pools, real_images, sealed, study


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return study(tmp_path_factory.mktemp("study"))


def data_of(page: Path) -> dict:
    """Return what a page's scripts read."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found
    return json.loads(found[1])


def chunks(png: bytes) -> list[str]:
    """Return the names of the chunks of a PNG file."""
    names, place = [], 8
    while place < len(png):
        length, name = struct.unpack(">I4s", png[place : place + 8])
        names.append(name.decode())
        place += length + 12
    return names


def test_every_reader_is_asked_the_same_in_another_order(built: Built) -> None:
    first, second = (reader.trials for reader in built.key.readers)
    assert {trial.question for trial in first} == {trial.question for trial in second}
    assert [trial.question for trial in first] != [trial.question for trial in second]
    assert not {trial.name for trial in first} & {trial.name for trial in second}
    tasks = [[by_name(built.key.questions)[trial.question].task for trial in trials] for trials in (first, second)]
    assert (tasks[0][0], tasks[1][0]) == ("preference", "turing")  # every second reader begins with the other task
    assert [len(page["trials"]) for page in map(data_of, built.pages)] == [8 + 18, 8 + 18]


def test_numbers_are_balanced(built: Built) -> None:
    images = {image.name: image for image in built.key.images}
    turing = [images[one.images[0]] for one in built.key.questions if one.task == "turing"]
    assert Counter(image.method or image.origin for image in turing) == {"real": 8, "sdm": 4, "diffmix": 4}
    for reader in built.key.readers:
        positions = Counter(
            (place, images[reader.images[shown]].method)
            for trial in reader.trials
            if len(trial.options) > 1 and not trial.repeat
            for place, shown in enumerate(trial.options)
        )
        assert set(positions.values()) == {3}


def test_images_of_a_question_show_one_mask_and_no_mask_is_shown_in_two_questions(built: Built) -> None:
    images = {image.name: image for image in built.key.images}
    samples = [{images[name].sample for name in one.images if images[name].method} for one in built.key.questions]
    assert all(len(found) <= 1 for found in samples)
    shown = Counter(sample for found in samples for sample in found)
    assert set(shown.values()) == {1}


def test_classes_take_turns(tmp_path: Path) -> None:
    classed = [Pool(name, sealed(tmp_path / name, name, labels=True, rename=name)) for name in METHODS]
    real = real_images(40, labels=("fat", "fat", "gland", "stroma"))
    made = build_study(classed, real, tmp_path / "s", amounts=Amounts(6, 12, 0), readers=1, seed="x")
    images = {image.name: image for image in made.key.images}
    turing = [images[one.images[0]] for one in made.key.questions if one.task == "turing"]
    for origin in ("real", "synthetic"):
        assert Counter(image.label for image in turing if image.origin == origin) == {"fat": 2, "gland": 2, "stroma": 2}
    asked = [one for one in made.key.questions if one.task == "preference"]
    assert all(len({images[name].label for name in one.images}) == 1 for one in asked)
    assert Counter(images[one.images[0]].label for one in asked) == {"fat": 2, "gland": 2, "stroma": 2}


def test_repeats_come_later_with_options_in_the_opposite_order(built: Built) -> None:
    for reader in built.key.readers:
        first = {trial.question: (place, trial) for place, trial in enumerate(reader.trials) if not trial.repeat}
        again = [(place, trial) for place, trial in enumerate(reader.trials) if trial.repeat]
        assert len(again) == 4
        for place, trial in again:
            assert place > first[trial.question][0]
            assert trial.options == first[trial.question][1].options[::-1]


def test_no_page_says_what_an_image_is(built: Built) -> None:
    key = built.key
    own = [one.name for one in key.images] + [one.sample for one in key.images] + [one.name for one in key.questions]
    hidden = [
        *METHODS,
        *own,
        *(one.digest for one in key.sets),
        *(one.group for one in key.images if len(one.group) > 3),
    ]
    for page in built.pages:
        text = page.read_text(encoding="utf-8")
        # the pictures and a library hold any two letters somewhere
        text = re.sub(r'"[0-9a-f]{12}": ?"iVBOR[^"]*"', "", text)
        assert not [word for word in hidden if word in text]
        assert "phantom" not in text
        assert key.secret not in text


def test_pages_ask_for_nothing_on_the_internet(built: Built) -> None:
    text = built.pages[0].read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "sourceMappingURL" not in text
    assert not re.findall(r"""(?:src|href)\s*=\s*["']https?:""", text)
    assert not re.findall(r"@import|<link|<iframe", text)


def test_all_images_have_one_length_one_size_and_no_metadata(built: Built) -> None:
    for page in built.pages:
        pngs = [base64.b64decode(text) for text in data_of(page)["images"].values()]
        assert len(pngs) == 8 + 8 + 12
        assert len({len(png) for png in pngs}) == 1
        for png in pngs:
            assert set(chunks(png)) == {"IHDR", "IDAT", "IEND"}
            with Image.open(io.BytesIO(png)) as image:
                assert (image.mode, image.size, image.info) == ("RGB", (16, 16), {})
    assert len({page.stat().st_size for page in built.pages}) == 1


def test_the_encoding_depends_on_the_pixels_only(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    flat, noise = np.full((32, 32, 3), 200, np.uint8), rng.integers(0, 256, (32, 32, 3), np.uint8)
    assert encode(noise) == encode(noise.copy(order="F"))
    assert len(encode(flat)) == len(encode(noise))
    # real and synthetic images with the same pixels are the same bytes on a page
    pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    both = pools(tmp_path, masks=range(12), pixels=pixels)
    real = [image.__class__(image.id, image.group, "", pixels) for image in real_images(4)]
    made = build_study(both, real, tmp_path / "s", amounts=Amounts(2, 8, 0), readers=1)
    assert len(set(data_of(made.pages[0])["images"].values())) == 1


def test_a_classifier_learns_nothing_from_names_and_places(tmp_path: Path) -> None:
    """Neither ids, nor the order of images in the page, nor that of questions predict what an image is."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import cross_val_score

    rows, truth = [], []
    many = Amounts(0, 80, 0)
    for number in range(3):
        made = build_study(
            pools(tmp_path / f"{number}", masks=range(45)),
            real_images(40),
            tmp_path / f"study-{number}",
            amounts=many,
            readers=1,
        )
        reader, data = made.key.readers[0], data_of(made.pages[0])
        images = {image.name: image for image in made.key.images}
        place = {trial.options[0]: index for index, trial in enumerate(reader.trials)}
        name = {trial.options[0]: trial.name for trial in reader.trials}
        for index, (shown, text) in enumerate(data["images"].items()):
            digits = [int(digit, 16) for digit in shown[:6] + name[shown][:6]]
            rows.append([index, place[shown], len(text), *digits])
            truth.append(images[reader.images[shown]].origin == "real")
    model = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)
    accuracy = cross_val_score(model, rows, truth, cv=5).mean()
    assert abs(accuracy - 0.5) < 3.5 * (0.25 / len(truth)) ** 0.5


def test_a_secret_draws_the_same_study_and_another_one_draws_another(tmp_path: Path) -> None:
    found = [study(tmp_path / name, seed=seed).key for name, seed in (("a", "x"), ("b", "x"), ("c", "y"), ("d", ""))]
    same = [key.model_copy(update={"created": ""}) for key in found]
    assert same[0] == same[1]
    assert len({key.readers[0].items for key in found}) == 3
    assert found[3].secret not in ("", "x")


def test_the_key_is_the_owners(built: Built) -> None:
    path = built.folder / "key.json"
    assert Key.read(path) == built.key
    assert path.stat().st_mode & 0o077 == 0
    assert {page.parent.name for page in built.pages} == {"pages"}


def test_words_of_the_owner_are_escaped(tmp_path: Path) -> None:
    made = build_study(
        pools(tmp_path / "sets"),
        real_images(),
        tmp_path / "s",
        amounts=AMOUNTS,
        readers=1,
        words=Words("<script>alert(1)</script>", "by </main> & me"),
    )
    text = made.pages[0].read_text(encoding="utf-8")
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "by &lt;/main&gt; &amp; me" in text


def test_jspsych_is_the_file_that_the_readme_names() -> None:
    vendor = files("reports") / "study" / "vendor"
    said = re.findall(r"`([0-9a-f]{64})`", (vendor / "README.md").read_text(encoding="utf-8"))
    assert said == [hashlib.sha256((vendor / "jspsych-8.3.0.min.js").read_bytes()).hexdigest()]
    assert "Permission is hereby granted" in (vendor / "jspsych-LICENSE.txt").read_text(encoding="utf-8")


def test_masks_are_equal_whatever_their_numbers() -> None:
    shown = mask(3)
    renumbered = np.array([0, 7, 4], np.int32)[shown]
    assert np.array_equal(canonical(renumbered), canonical(shown))
    assert not np.array_equal(canonical(mask(4)), canonical(shown))


def refused(tmp_path: Path, sets: list[Pool], amounts: Amounts = AMOUNTS, n_real: int = 20) -> BenchError:
    with pytest.raises(BenchError) as caught:
        build_study(sets, real_images(n_real), tmp_path / "s", amounts=amounts, readers=1)
    assert not (tmp_path / "s").exists()
    return caught.value


def test_sets_of_other_masks_are_refused_by_name(tmp_path: Path) -> None:
    other = [Pool("a", sealed(tmp_path / "a", "a")), Pool("b", sealed(tmp_path / "b", "b", masks=range(20, 44)))]
    error = refused(tmp_path, other)
    assert "common masks" in error.message
    assert error.got == "4 in common of a: 24, b: 24"
    assert "--preference" in error.fix


@pytest.mark.parametrize(
    ("about", "message", "got"),
    [
        ({"side": 32}, "size of images", "sdm: 16x16, other: 32x32"),
        ({"mpp": 0.25}, "micrometres per pixel", "sdm: 0.5, other: 0.25"),
        ({"dataset": "consep"}, "dataset", "sdm: phantom, other: consep"),
    ],
)
def test_sets_that_differ_are_refused_by_name(tmp_path: Path, about: dict, message: str, got: str) -> None:
    sets = [Pool("sdm", sealed(tmp_path / "a", "sdm")), Pool("other", sealed(tmp_path / "b", "other", **about))]
    error = refused(tmp_path, sets)
    assert message in error.message
    assert error.got == got


@pytest.mark.parametrize(
    ("amounts", "n_real", "message"),
    [
        (Amounts(0, 0), 20, "asks nothing"),
        (Amounts(6, 10), 20, "as many real as synthetic"),
        (Amounts(6, 16, 9), 20, "half of a task"),
        (Amounts(6, 16, 2), 7, "8 real images"),
        (Amounts(20, 16, 2), 20, "too few masks"),
    ],
)
def test_studies_that_cannot_be_balanced_are_refused(
    tmp_path: Path, amounts: Amounts, n_real: int, message: str
) -> None:
    assert message in refused(tmp_path, pools(tmp_path / "sets"), amounts, n_real).message


def test_one_name_for_two_sets_and_a_folder_in_use_are_refused(tmp_path: Path) -> None:
    twice = [Pool("sdm", sealed(tmp_path / name, name)) for name in ("a", "b")]
    assert "same name" in refused(tmp_path, twice).message
    with pytest.raises(ConfigError, match="must be empty"):
        build_study(pools(tmp_path / "sets"), real_images(), tmp_path, amounts=AMOUNTS, readers=1)
