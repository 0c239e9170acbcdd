"""Every edit of a sealed set is refused in words, by `bench verify` and by whoever reads the set for training."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.contract import TrainingMix
from bench.errors import BenchError, SealError
from bench.export.parts import set_part
from bench.imageio import read_instances, read_rgb, write_instances, write_png
from bench.synthetic import SyntheticSet, verify_set
from tests.bench.synthetic.made import DATA, in_line, in_manifest, in_text, write_set

Edit = Callable[[Path], object]
DEEP = 100_000


def _set(name: str, value: object) -> Edit:
    return in_manifest(lambda content: content.update({name: value}))


def _inside(outer: str, name: str, value: object) -> Edit:
    return in_manifest(lambda content: content[outer].update({name: value}))


def _say(name: str, value: object, number: int = 0) -> Edit:
    return in_line(lambda content: content.update({name: value}), number)


def _pixel(folder: Path) -> None:
    image = read_rgb(folder / "images" / "s0.png")
    image[0, 0, 0] ^= 1
    write_png(folder / "images" / "s0.png", image)


def _nucleus(folder: Path) -> None:
    ids = read_instances(folder / "instances" / "s1.png")
    ids[ids == 1] = 0
    write_instances(folder / "instances" / "s1.png", ids)


def _swap(folder: Path) -> None:
    os.replace(folder / "images" / "s0.png", folder / "images" / "x.png")
    os.replace(folder / "images" / "s1.png", folder / "images" / "s0.png")
    os.replace(folder / "images" / "x.png", folder / "images" / "s1.png")


def _link(name: str) -> Edit:
    """Replace a file or folder of the set by a link to a copy outside of it."""

    def edit(folder: Path) -> None:
        outside = folder.parent / "outside"
        shutil.move(folder / name, outside)
        (folder / name).symlink_to(outside)

    return edit


def _link_to(name: str, target: str) -> Edit:
    def edit(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return edit


def _pipe(name: str) -> Edit:
    def edit(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return edit


def _touch(name: str) -> Edit:
    return lambda folder: (folder / name).write_bytes(b"more")


def _values(old: bytes, new: bytes) -> Edit:
    return in_text("manifest.json", lambda text: text.replace(old, new, 1))


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Edit:
    return in_text("metadata.jsonl", lambda content: b"".join(change(content.splitlines(keepends=True))))


def _twice(folder: Path) -> None:
    (folder / "images" / "more").mkdir()
    write_png(folder / "images" / "more" / "s9.png", DATA[0].image)


# What was done to the set, and words of the error that the user reads.
EDITS: dict[str, tuple[Edit, str]] = {
    # fields of the manifest
    "method": (_set("method", "sdm"), r"manifest\.json was changed .* got: method is now 'sdm'"),
    "method version": (_set("method_version", 2), "method_version is now 2"),
    "seed": (_set("seed", 1), "seed is now 1"),
    "dataset": (_set("dataset", "consep"), "dataset is now 'consep'"),
    "dataset_digest": (_set("dataset_digest", "e"), "dataset_digest is now 'e'"),
    "use": (_set("use", "evaluation"), "use is now 'evaluation'"),
    "mpp": (_set("mpp", 0.25), "mpp is now 0.25"),
    "config": (_inside("config", "ratio", 2.0), "config is now an object"),
    "cost": (_inside("cost", "seconds", 1), "cost is now"),
    "variant": (_set("variant", "a=1"), "variant is now"),
    "classes": (_inside("info", "classes", ["x", "b", "c", "d"]), "info is now an object"),
    "mpp of info": (_inside("info", "mpp", 0.1), "info is now"),
    "split": (_inside("info", "split", "test"), "info is now"),
    "encoding": (_set("encoding", {}), "encoding is now"),
    "n": (_set("n", 2), "n is now 2"),
    "digest": (_set("digest", "0" * 64), "digest is now"),
    "hash of metadata": (_set("metadata_sha256", "0" * 64), "metadata_sha256 is now"),
    "another field": (_set("note", "hello"), "note, which was not there"),
    "no seed": (in_manifest(lambda content: content.pop("seed")), "got: no seed"),
    "no method": (in_manifest(lambda content: content.pop("method")), "got: no method"),
    "the seal": (_inside("seal", "sha256", "0" * 64), "a field of 'seal'"),
    "hashes of lines": (_inside("seal", "lines", []), "a field of 'seal'"),
    "files that may stay": (_inside("seal", "others", ["evil"]), "a field of 'seal'"),
    "no seal": (in_manifest(lambda content: content.pop("seal")), "The seal is missing"),
    "a seal of another kind": (_set("seal", 5), "seal: 5"),
    "an older schema": (_set("schema_version", 2), "schema 2 with a seal"),
    "a newer schema": (_set("schema_version", 4), "schema 4; fix: upgrade"),
    "a schema in words": (_set("schema_version", "three"), "schema_version three"),
    "no schema": (in_manifest(lambda content: content.pop("schema_version")), "has no schema"),
    # the text of the manifest
    "another form": (lambda at: (at / "manifest.json").write_text(_pretty(at)), "in another form"),
    "a space": (in_text("manifest.json", lambda text: text + b"\n"), "in another form"),
    "a key twice": (in_text("manifest.json", lambda text: b'{"n":3,' + text[1:]), "the key 'n' twice"),
    "cut short": (in_text("manifest.json", lambda text: text[: len(text) // 2]), "is not a manifest"),
    "empty": (in_text("manifest.json", lambda text: b""), "is not a manifest"),
    "not JSON": (in_text("manifest.json", lambda text: b"<html>"), "is not a manifest"),
    "a list": (in_text("manifest.json", lambda text: b"[" + text + b"]"), "got: JSON of type list"),
    "a number": (in_text("manifest.json", lambda text: b"7"), "got: JSON of type int"),
    "not a number": (_values(b'"seed":0', b'"seed":NaN'), "NaN"),
    "infinity": (_values(b'"seed":0', b'"seed":1e999'), "too large"),
    "a huge number": (_values(b'"seed":0', b'"seed":' + b"9" * 9999), "4300"),
    "a large number": (_set("n", 10**300), "n is now"),
    "not UTF-8": (in_text("manifest.json", lambda text: text.replace(b"copy", b"c\xffpy")), "not UTF-8"),
    "half a character": (_values(b'"seed":0', rb'"seed":"\ud800"'), r"seed is now '\\ud800'"),
    "deep": (in_text("manifest.json", lambda text: b'{"a":' * DEEP), "nested too deeply"),
    "deep values": (_values(b"{", b'{"a":' + b"[" * 900 + b"]" * 900 + b","), "a, which was not there"),
    "no manifest": (lambda at: (at / "manifest.json").unlink(), "no manifest.json"),
    "a folder as manifest": (lambda at: _as_folder(at / "manifest.json"), "Cannot read"),
    # lines of metadata
    "caption": (_say("caption", "another"), r"metadata\.jsonl was changed .* got: line 1; changed: caption"),
    "group": (_say("group", "slide-9", 2), "line 3; changed: group"),
    "sources": (_say("sources", {"train": DATA.ids[1]}), "line 1; changed: sources"),
    "a source of old sets": (_say("source", DATA.ids[1]), "line 1; changed: source"),
    "crop": (_say("crop", [1, 1], 1), "line 2; changed: crop"),
    "recipe": (_say("recipe", {}), "changed: recipe"),
    "kind": (_say("kind", "enlarging"), "changed: kind"),
    "seed of a sample": (_say("seed", 7), "changed: seed"),
    "tissue": (_say("tissue", "breast"), "changed: tissue"),
    "label": (_say("label", 1), "changed: label"),
    "types": (in_line(lambda line: line["types"].reverse()), "changed: types"),
    "a class that does not exist": (_say("types", [300]), "changed: types"),
    "hash of a sample": (_say("sha256", "0" * 64), "changed: sha256"),
    "height": (_say("height", 47), "changed: height"),
    "no instances": (_say("instances", False), "changed: instances"),
    "an absolute name": (_say("file_name", "/etc/passwd"), "changed: file_name"),
    "a name outside": (_say("file_name", "images/../../secret.png"), "changed: file_name"),
    "a field more": (_say("evil", True), "changed: evil"),
    "a field less": (in_line(lambda line: line.pop("group")), "changed: group"),
    "text for a number": (_say("height", "48"), "changed: height"),
    "order of lines": (_lines(lambda lines: lines[::-1]), "line 1, line 3"),
    "a line less": (_lines(lambda lines: lines[:2]), "2 lines, sealed with 3"),
    "a line twice": (_lines(lambda lines: [*lines, lines[0]]), "4 lines, sealed with 3"),
    "an empty line": (_lines(lambda lines: [*lines, b"\n"]), "4 lines, sealed with 3"),
    "no end of the last line": (_lines(lambda lines: [*lines[:2], lines[2][:-1]]), "got: line 3"),
    "a line cut short": (_lines(lambda lines: [lines[0], lines[1][:40] + b"\n", lines[2]]), "line 2 is not JSON"),
    "a line that is a list": (_lines(lambda lines: [b"[]\n", *lines[1:]]), "line 1; changed"),
    "a line that is not UTF-8": (_lines(lambda lines: [b'{"a":"\xff"}\n', *lines[1:]]), "line 1 is not JSON"),
    "a deep line": (_lines(lambda lines: [b"[" * DEEP + b"\n", *lines[1:]]), "line 1 is not JSON"),
    "a key twice in a line": (_lines(lambda lines: [b'{"group":"x",' + lines[0][1:], *lines[1:]]), "'group' twice"),
    "NaN in a line": (_lines(lambda lines: [*lines[:2], lines[2].replace(b"[0,", b"[NaN,")]), "line 3 is not JSON"),
    "no metadata": (lambda at: (at / "metadata.jsonl").unlink(), "Cannot read"),
    "a folder as metadata": (lambda at: _as_folder(at / "metadata.jsonl"), "Cannot read"),
    # files
    "a pixel": (_pixel, r"images/s0\.png"),
    "a nucleus": (_nucleus, r"images/s1\.png"),
    "images swapped": (_swap, r"images/s[01]\.png"),
    "an image of another size": (lambda at: write_png(at / "images" / "s2.png", DATA[2].image[:40]), r"images/s2\.png"),
    "a map of another size": (
        lambda at: write_instances(at / "instances" / "s0.png", DATA[0].instances[:40]),
        r"instances/s0\.png was changed",
    ),
    "a map in colours": (lambda at: write_png(at / "instances" / "s0.png", DATA[0].image), "single-channel"),
    "an image that is none": (in_text("images/s0.png", lambda content: content[:50]), "readable image"),
    "an empty image": (in_text("images/s0.png", lambda content: b""), "readable image"),
    "no image": (lambda at: (at / "images" / "s1.png").unlink(), r"1 missing: images/s1\.png"),
    "no map": (lambda at: (at / "instances" / "s1.png").unlink(), r"1 missing: instances/s1\.png"),
    "no images": (lambda at: shutil.rmtree(at / "images"), "3 missing: images/s0.png"),
    "an image renamed": (lambda at: os.replace(at / "images" / "s0.png", at / "images" / "t0.png"), r"images/t0\.png"),
    "an image more": (lambda at: write_png(at / "images" / "s9.png", DATA[0].image), r"1 not listed: images/s9\.png"),
    "a map for an image without": (
        lambda at: write_instances(at / "instances" / "s2.png", DATA[2].instances),
        r"not listed: instances/s2\.png",
    ),
    "text among images": (_touch("images/notes.txt"), r"images/notes\.txt"),
    "a hidden file": (_touch(".DS_Store"), r"not listed: \.DS_Store"),
    "a file in the root": (_touch("extra.png"), r"extra\.png"),
    "a folder in the root": (lambda at: (at / "more").mkdir(), r"more \(a folder\)"),
    "a folder of records": (lambda at: (at / "records").mkdir(), r"records \(a folder\)"),
    "a folder among images": (_twice, r"images/more \(a folder\)"),
    "a folder as image": (lambda at: _as_folder(at / "images" / "s0.png"), r"images/s0\.png \(a folder\)"),
    "a link as image": (_link("images/s0.png"), r"images/s0\.png \(a link\)"),
    "a link as map": (_link("instances/s0.png"), r"instances/s0\.png \(a link\)"),
    "a link as images": (_link("images"), r"images \(a link\)"),
    "a link as manifest": (_link("manifest.json"), "is a link"),
    "a link as metadata": (_link("metadata.jsonl"), r"metadata\.jsonl \(a link\)"),
    "a link to a device": (_link_to("metadata.jsonl", "/dev/zero"), r"metadata\.jsonl \(a link\)"),
    "a pipe as manifest": (_pipe("manifest.json"), "is not a file"),
    "a pipe as metadata": (_pipe("metadata.jsonl"), "is not a file"),
    "a pipe as image": (_pipe("images/s0.png"), r"images/s0\.png \(not a file\)"),
    "a link to nowhere": (lambda at: (at / "images" / "s9.png").symlink_to("gone"), r"images/s9\.png \(a link\)"),
}  # fmt: skip


def _pretty(folder: Path) -> str:
    return json.dumps(json.loads((folder / "manifest.json").read_text()), indent=2)


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def said(error: BenchError) -> str:
    """Return an error as one line, which says all three things and is short."""
    assert error.message
    assert error.got
    assert error.fix
    assert len(str(error)) < 1500
    return str(error)


def read_all(folder: Path) -> None:
    """Read a set as training does."""
    made = SyntheticSet(folder)
    mix = TrainingMix(made, made, 0.5)
    assert mix.synthetic is not None
    for index in range(len(mix.synthetic)):
        mix.synthetic[index]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "set"
    write_set(folder)
    return folder


def copied(sealed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed, tmp_path / "set"))


def test_an_untouched_set_is_accepted(sealed: Path) -> None:
    assert len(verify_set(sealed)) == 3
    read_all(sealed)
    assert verify_set(sealed).covered == ""


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_refused_in_words(sealed: Path, tmp_path: Path, name: str) -> None:
    folder = copied(sealed, tmp_path)
    edit, words = EDITS[name]
    edit(folder)
    for read in (verify_set, read_all):
        with pytest.raises(BenchError) as caught:
            read(folder)
        assert re.search(words, said(caught.value)), str(caught.value)


@pytest.mark.parametrize("name", ["sources", "group", "use", "an image more", "a pixel"])
def test_an_export_refuses_what_training_refuses(sealed: Path, tmp_path: Path, name: str) -> None:
    folder = copied(sealed, tmp_path)
    EDITS[name][0](folder)
    with pytest.raises(SealError):
        list(set_part(folder).samples())


def test_a_set_for_evaluation_cannot_become_one_for_training(tmp_path: Path) -> None:
    write_set(tmp_path / "set", use="training")
    writer_of_tests = tmp_path / "tests"
    write_set(writer_of_tests, use="evaluation")
    _set("use", "training")(writer_of_tests)
    with pytest.raises(SealError, match="use is now 'training'"):
        read_all(writer_of_tests)


def test_what_the_store_writes_next_to_a_set_is_no_part_of_it(sealed: Path, tmp_path: Path) -> None:
    folder = copied(sealed, tmp_path)
    for name in ("job.json", "curves.jsonl"):
        (folder / name).write_text("{}")
    assert len(verify_set(folder)) == 3


def test_what_a_method_left_before_sealing_may_stay(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "s0.png.abc.tmp").write_bytes(b"of a killed attempt")
    write_set(tmp_path)
    (tmp_path / "logs" / "render.log").write_text("later")
    assert verify_set(tmp_path).manifest["seal"]["others"] == ["logs"]
    shutil.rmtree(tmp_path / "logs")
    verify_set(tmp_path)


def test_an_image_that_changes_while_a_set_is_open_is_found(sealed: Path, tmp_path: Path) -> None:
    folder = copied(sealed, tmp_path)
    made = SyntheticSet(folder)
    made[0]
    write_png(folder / "images" / "s1.png", DATA[0].image)
    with pytest.raises(SealError, match=r"images/s1\.png"):
        made[1]


def test_the_digest_is_that_of_pixels_and_labels_and_the_seal_covers_the_rest(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert write_set(one) == write_set(other, use="evaluation")
    first, second = verify_set(one), verify_set(other)
    assert len(first.seal) == 64
    assert first.seal != second.seal


OLD: dict[str, tuple[Edit, str]] = {
    "an absolute name": (_say("file_name", "/etc/passwd"), "not that of an image of the set"),
    "a name outside": (_say("file_name", "images/../images/s0.png"), "not that of an image of the set"),
    "a link": (_link("images/s0.png"), "a link"),
    "a file more": (_touch("extra.png"), "not listed"),
    "a pixel": (_pixel, "pixels or labels"),
    "a class that does not exist": (_say("types", [300]), r"Line 1 of .*types\.0"),
    "a line that is a list": (_lines(lambda lines: [b"[]\n", *lines[1:]]), "Line 1"),
    "a line less": (_lines(lambda lines: lines[:2]), "2 lines for 3 samples"),
    "a key twice": (_lines(lambda lines: [b'{"group":"x",' + lines[0][1:], *lines[1:]]), "'group' twice"),
    "a line twice": (_lines(lambda lines: [lines[0], lines[0], lines[2]]), "twice: images/s0.png"),
    "n in words": (_set("n", "3"), "n: input should be a valid integer, but it is '3'"),
    "a negative n": (_set("n", -1), "n: input should be greater"),
    "n as large as can be": (_set("n", 10**40), "n: "),
    "no n": (in_manifest(lambda content: content.pop("n")), "got: no n"),
    "no digest": (in_manifest(lambda content: content.pop("digest")), "got: no digest"),
    "no info": (in_manifest(lambda content: content.pop("info")), "got: no info"),
    "info in words": (_set("info", "x"), "info: "),
    "classes in words": (_inside("info", "classes", "abc"), r"info\.classes"),
    "more info": (_inside("info", "evil", 1), r"info\.evil"),
    "no resolution": (_inside("info", "mpp", 0), r"info\.mpp"),
    "another use": (_set("use", "anything"), "use: "),
    "a method in numbers": (_set("method", 5), "method: "),
}


@pytest.mark.parametrize("name", OLD)
def test_sets_of_older_schemas_are_checked_as_far_as_their_seal_goes(sealed: Path, tmp_path: Path, name: str) -> None:
    folder = copied(sealed, tmp_path)
    as_old(folder)
    assert verify_set(folder).covered == "pixels and labels only"
    edit, words = OLD[name]
    edit(folder)
    for read in (verify_set, read_all):
        with pytest.raises(BenchError) as caught:
            read(folder)
        assert re.search(words, said(caught.value)), str(caught.value)


def as_old(folder: Path) -> None:
    """Turn a set into one that was sealed before manifests were hashed."""

    def change(content: dict[str, object]) -> None:
        del content["seal"], content["metadata_sha256"]
        content["schema_version"] = 2

    in_manifest(change)(folder)


def test_an_image_bomb_is_refused_before_it_is_decoded(sealed: Path, tmp_path: Path) -> None:
    folder = copied(sealed, tmp_path)
    Image.fromarray(np.zeros((20_000, 10_000), np.uint8)).save(folder / "images" / "s0.png")
    with pytest.raises(BenchError, match="too large"):
        verify_set(folder)
