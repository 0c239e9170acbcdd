"""`bench weights` and `bench data get`: what is printed, what is refused, and a command that is killed half-way."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from bench import weight_cards
from bench.cli import app
from bench.errors import BenchError, ConfigError, MissingError
from bench.weight_cards import weight_card_names
from tests.bench.cli.typed import typed
from tests.bench.fetching.server import Server, serving

CONTENT = np.random.default_rng(1).bytes(1_000_000)
COMMAND = """
import sys
from pathlib import Path
from bench import weight_cards
weight_cards.CARDS = Path(sys.argv.pop(1))
from bench.cli import main
main()
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv("BENCH_OFFLINE")
    with serving() as running:
        yield running


@pytest.fixture
def cards(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A card whose address does not exist: the file is on the mirror only."""
    folder = tmp_path / "cards"
    folder.mkdir()
    file = {
        "name": "ViT-B-32.pt",
        "addresses": [f"{server.url}/gone.pt"],
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "size": "1 MB",
    }
    values = yaml.safe_load((weight_cards.CARDS / "clip-vit-b-32.yaml").read_text(encoding="utf-8"))
    (folder / "clip-vit-b-32.yaml").write_text(yaml.safe_dump({**values, "files": [file]}), encoding="utf-8")
    server.files["/ViT-B-32.pt"] = CONTENT
    monkeypatch.setattr(weight_cards, "CARDS", folder)
    monkeypatch.setenv("BENCH_MIRROR", server.url)
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "weights"))
    return folder


def test_every_card_has_a_line_and_its_own_page() -> None:
    listed, _ = typed(app, "weights", "list")
    assert all(any(line.startswith(f"{name} ") for line in listed.splitlines()) for name in weight_card_names())
    page, _ = typed(app, "weights", "list", "pixcell-256")
    assert "needs: pixcell-pipeline, sd3.5-vae, uni2-h" in page
    page, _ = typed(app, "weights", "list", "kl-f8")
    assert "kl-f8.zip, no source states its hash" in page


def test_the_nearest_name_is_suggested_before_anything_is_fetched(cards: Path, server: Server) -> None:
    for command in ("list", "get"):
        with pytest.raises(ConfigError, match="did you mean 'clip-vit-b-32'"):
            typed(app, "weights", command, "clip-vit-b-32", "clip-vitb-32")
    assert server.asked == []


def test_a_file_is_fetched_and_listed(cards: Path, tmp_path: Path) -> None:
    assert " no " in typed(app, "weights", "list")[0]
    said, progress = typed(app, "weights", "get", "clip-vit-b-32")
    place = tmp_path / "weights/ViT-B-32.pt"
    assert f"clip-vit-b-32: {place}\n  SHA-256 {hashlib.sha256(CONTENT).hexdigest()}, as published" in said
    assert "ViT-B-32.pt: 1000/1000" in progress
    assert place.read_bytes() == CONTENT
    assert " yes " in typed(app, "weights", "list")[0]
    assert f"{place} (already there)" in typed(app, "weights", "get", "clip-vit-b-32")[0]


def test_a_wrong_byte_is_refused_and_removed(cards: Path, server: Server, tmp_path: Path) -> None:
    server.faults["/ViT-B-32.pt"] = ["wrong"]
    with pytest.raises(MissingError, match="gave another file, which was removed") as caught:
        typed(app, "weights", "get", "clip-vit-b-32")
    assert caught.value.got.splitlines()[1] == "the server answers 404 Not Found"
    assert not [path for path in (tmp_path / "weights").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_offline_forbids_it_and_finds_what_is_there(cards: Path, server: Server, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Nothing may be fetched"):
        typed(app, "weights", "get", "clip-vit-b-32", "--offline")
    typed(app, "weights", "get", "clip-vit-b-32")
    assert "already there" in typed(app, "weights", "get", "clip-vit-b-32", "--offline")[0]
    assert len(server.asked) == 1


def test_data_need_a_root_and_a_connection(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)
    with pytest.raises(ConfigError, match="--data-root DIR"):
        typed(app, "data", "get", "nct-crc-he")
    with pytest.raises(ConfigError, match="Nothing may be fetched"):
        typed(app, "data", "get", "nct-crc-he", "--data-root", tmp_path, "--offline")
    with pytest.raises(BenchError, match="There is no dataset of this name"):
        typed(app, "data", "get", "nct-crc", "--data-root", tmp_path)
    said, _ = typed(app, "data", "status", "nct-crc-he", "--data-root", tmp_path)
    assert "run `bench data get nct-crc-he`" in said


def run(cards: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-c", COMMAND, str(cards), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


@pytest.mark.slow
def test_a_command_that_is_killed_half_way_is_continued(cards: Path, server: Server, tmp_path: Path) -> None:
    server.pause = 0.01
    part = tmp_path / "weights/.fetching/ViT-B-32.pt.part"
    first = run(cards, "weights", "get", "clip-vit-b-32")
    while not (part.is_file() and part.stat().st_size >= 300_000):
        assert first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    there = part.stat().st_size
    assert 0 < there < len(CONTENT)
    assert not (tmp_path / "weights/ViT-B-32.pt").exists()
    time.sleep(0.2)
    before, server.pause = server.sent, 0.0
    second = run(cards, "weights", "get", "clip-vit-b-32")
    said, progress = second.communicate(timeout=60)
    assert second.returncode == 0, progress
    assert server.requests("/ViT-B-32.pt")[-1] == ("GET", f"bytes={there}-")
    assert server.sent - before == len(CONTENT) - there
    assert f"going on at {-(-there // 1000)} of 1000" in progress
    assert (tmp_path / "weights/ViT-B-32.pt").read_bytes() == CONTENT
    assert "as published" in said
