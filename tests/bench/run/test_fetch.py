"""A run fetches what it may before it starts: after everything missing is known, and not at all if it is offline."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import yaml

from bench import weight_cards
from bench.cli import app
from bench.errors import MissingError
from bench.plan.checks import Fetchable
from bench.results.table import read_rows
from bench.run.fetch import listed
from metrics.encoders import clip
from metrics.encoders.clip import ARCHITECTURE, ClipViTB32
from metrics.encoders.weights import WeightsFile
from tests.bench.cli.typed import typed
from tests.bench.fetching.server import Server, serving

RUN = ("run", "--method", "copy", "--controls", "", "--dataset", "phantom", "--preset", "tiny", "--threads", 1)
CLIP = ("--set", "encoders=[clip-vit-b-32]")
COMMAND = """
import sys
from pathlib import Path
import open_clip
from bench import weight_cards
folder = Path(sys.argv.pop(1))
weight_cards.CARDS = folder / "cards"
from metrics.encoders import clip
open_clip.add_model_config(folder / "small-quickgelu.json")
clip.ARCHITECTURE = "small-quickgelu"
from bench.cli import main
main()
"""
"""The command `bench` with a small CLIP and its card."""


class Place(NamedTuple):
    """A server with a small CLIP, and the options of a run that reads it from an empty folder."""

    server: Server
    folder: Path
    options: tuple[object, ...]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    import open_clip

    small = open_clip.get_model_config(ARCHITECTURE)
    small["embed_dim"] = 16
    small["vision_cfg"] |= {"layers": 1, "width": 32, "head_width": 8}
    small["text_cfg"] |= {"layers": 1, "width": 32, "heads": 4}
    (tmp_path / "small-quickgelu.json").write_text(json.dumps(small), encoding="utf-8")
    open_clip.add_model_config(tmp_path / "small-quickgelu.json")
    monkeypatch.setattr(clip, "ARCHITECTURE", "small-quickgelu")
    torch.manual_seed(0)
    network = open_clip.create_model("small-quickgelu", pretrained=None, load_weights=False)
    torch.save(network.state_dict(), tmp_path / "made.pt")
    content = (tmp_path / "made.pt").read_bytes()

    with serving(files={"/ViT-B-32.pt": content}) as server:
        cards = tmp_path / "cards"
        cards.mkdir()
        for path in weight_cards.CARDS.glob("*.yaml"):
            (cards / path.name).write_bytes(path.read_bytes())
        values = yaml.safe_load((cards / "clip-vit-b-32.yaml").read_text(encoding="utf-8"))
        digest = hashlib.sha256(content).hexdigest()
        values["files"][0] |= {"addresses": [f"{server.url}/ViT-B-32.pt"], "sha256": digest}
        (cards / "clip-vit-b-32.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        monkeypatch.setattr(weight_cards, "CARDS", cards)
        monkeypatch.setattr(ClipViTB32, "file", WeightsFile.of_card("clip-vit-b-32"))
        monkeypatch.delenv("BENCH_OFFLINE")
        monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        options = ("--no-tracking", "--device", "cpu", "--store", tmp_path / "store")
        yield Place(server, tmp_path / "cache/augbench/weights", options)


@pytest.mark.slow
def test_a_run_fetches_and_uses_a_file_without_a_further_option(place: Place, tmp_path: Path) -> None:
    words = [*map(str, (*RUN, *CLIP, "--set", "evaluations=[distances]", *place.options))]
    command = [sys.executable, "-P", "-c", COMMAND, str(tmp_path), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "fetching what is missing: clip-vit-b-32 (338 MiB); --offline forbids it" in done.stderr
    digest = hashlib.sha256((place.folder / "ViT-B-32.pt").read_bytes()).hexdigest()
    rows = read_rows(list((tmp_path / "store/results").rglob("*.parquet")))
    measured = rows[rows.metric.str.startswith("clip_fid") & rows.value.notna()]
    assert len(measured)
    assert measured.encoder.str.contains(digest).all()


def test_a_file_that_was_fetched_before_is_used(place: Place) -> None:
    typed(app, "weights", "get", "clip-vit-b-32")
    said, _ = typed(app, *RUN, *CLIP, *place.options, "--dry-run")
    assert "missing on this machine" not in said
    assert "would be fetched" not in said


def test_offline_and_a_dry_run_fetch_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    said, _ = typed(app, *RUN, *CLIP, *place.options, "--dry-run")
    assert "would be fetched first: clip-vit-b-32 (338 MiB)" in said
    assert "missing on this machine" not in said
    said, _ = typed(app, *RUN, *CLIP, *place.options, "--dry-run", "--offline")
    assert "missing on this machine" in said
    with pytest.raises(MissingError, match="run `bench weights get clip-vit-b-32`"):
        typed(app, *RUN, *CLIP, *place.options, "--offline")
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    with pytest.raises(MissingError, match="run `bench weights get clip-vit-b-32`"):
        typed(app, *RUN, *CLIP, *place.options)
    assert place.server.asked == []


def test_nothing_is_fetched_while_something_else_is_missing(place: Place) -> None:
    both = ("--set", "encoders=[clip-vit-b-32,uni]")
    with pytest.raises(MissingError, match="The encoder 'uni' needs") as caught:
        typed(app, *RUN, *both, *place.options)
    assert "accept the terms at https://huggingface.co/MahmoodLab/UNI; run `hf auth login`" in caught.value.fix
    assert place.server.asked == []


def test_no_connection_is_one_line_for_each_cause(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = weight_cards.CARDS
    with serving() as gone:
        pass
    for name in ("clip-vit-b-32", "inception"):
        values = yaml.safe_load((cards / f"{name}.yaml").read_text(encoding="utf-8"))
        values["files"][0]["addresses"] = [f"{gone.url}/{name}"]
        (cards / f"{name}.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    weight_cards._read.cache_clear()
    with pytest.raises(MissingError, match="no connection to 127") as caught:
        typed(app, *RUN, "--set", "encoders=[clip-vit-b-32,inception]", *place.options)
    assert "\n" not in caught.value.got
    assert "`bench weights get clip-vit-b-32` and `bench weights get inception`" in caught.value.fix


def test_sizes_are_added_if_all_are_known() -> None:
    clip_file = Fetchable("weights", "clip", "338 MiB")
    assert listed([clip_file]) == "clip (338 MiB)"
    odd = clip_file._replace(size="not stated")
    assert listed([clip_file, odd]) == "clip (338 MiB), clip (not stated)"
