"""Weights by their cards: chains, the hub and its refusals, mirrors, and what a person must do."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import yaml

from bench import weight_cards
from bench.engine.reporter import Reporter
from bench.errors import ConfigError, MissingError
from bench.fetching.file import Fetcher
from bench.fetching.transfer import Patience
from bench.fetching.weights import find, get, known_card
from bench.weight_cards import chain, weight_card, weight_card_names
from tests.bench.fetching.server import Server, serving

QUICK = Patience(connect=2, stall=2, tries=2, pause=0.01)
TEXT = {"title": "a", "what": "b", "size": "1 kB", "licence": "c", "citation": "d", "used_by": ["e"]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that also stands in for the hub."""
    from huggingface_hub import constants

    with serving() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", running.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield running


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of cards instead of ours."""
    folder = tmp_path / "cards"
    folder.mkdir()
    monkeypatch.setattr(weight_cards, "CARDS", folder)
    return folder


def write(folder: Path, name: str, **values: object) -> None:
    card = {**TEXT, "page": f"https://page.example/{name}", **values}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")


def fetch(name: str, folder: Path, mirror: str = "") -> list[Path]:
    return [got.path for got in get(name, Fetcher(folder, Reporter(quiet=True), QUICK), mirror)]


def test_every_shipped_card_can_be_read_and_its_chain_is_known() -> None:
    assert len(weight_card_names()) >= 20
    for name in weight_card_names():
        card = weight_card(name)
        assert card.name == name
        assert card.page.startswith("https://")
        assert all(address.startswith("https://") for file in card.files for address in file.addresses)
        assert chain(name)[0] is card
        if card.access == "gated":
            assert card.hub
        assert bool(card.files) or card.access != "by-hand"


def test_openai_states_its_hash_in_the_address() -> None:
    (file,) = weight_card("clip-vit-b-32").files
    assert file.sha256 in file.addresses[0]
    for name in ("lpips-alex", "lpips-vgg"):
        first = weight_card(name).files[0]
        assert first.name.removesuffix(".pth").endswith(first.sha256[:8])


def test_the_encoders_of_the_hub_have_cards_of_their_names() -> None:
    from metrics.encoders.card import shipped_card, shipped_names

    for name in shipped_names():
        assert shipped_card(name).weights_file().card == name
        assert shipped_card(name).gated == (weight_card(name).access == "gated")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'clip-vit-b-32'"):
        known_card("clip-vit-b32")


def test_a_file_with_addresses(server: Server, cards: Path, tmp_path: Path) -> None:
    content = b"weights" * 1000
    digest = hashlib.sha256(content).hexdigest()
    server.files["/b/w.pt"] = content
    addresses = [f"{server.url}/a/w.pt", f"{server.url}/b/w.pt"]
    write(cards, "w", files=[{"name": "w.pt", "addresses": addresses, "sha256": digest, "size": "7 kB"}])
    assert find(known_card("w"), tmp_path / "weights") is None
    assert fetch("w", tmp_path / "weights") == [tmp_path / "weights/w.pt"]
    assert find(known_card("w"), tmp_path / "weights") == tmp_path / "weights/w.pt"


def test_a_mirror_is_asked_first_and_need_not_have_everything(server: Server, cards: Path, tmp_path: Path) -> None:
    server.files |= {"/mirror/org/name/a.bin": b"a", "/w.pt": b"w"}
    write(cards, "a", hub="org/name", files=[{"name": "a.bin", "size": "1 B"}])
    write(cards, "w", files=[{"name": "w.pt", "addresses": [f"{server.url}/w.pt"], "size": "1 B"}], needs=["a"])
    folder = tmp_path / "weights"
    assert fetch("w", folder, f"{server.url}/mirror/") == [folder / "w.pt", folder / "org/name/a.bin"]
    assert [path for _, path, _ in server.asked] == ["/mirror/w.pt", "/w.pt", "/mirror/org/name/a.bin"]


def test_a_file_of_the_hub_with_the_hash_that_the_hub_states(server: Server, cards: Path, tmp_path: Path) -> None:
    content = b"weights of the hub"
    server.files["/org/name/resolve/main/model.safetensors"] = content
    server.headers |= {"X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": "c" * 40}
    write(cards, "a", hub="org/name", files=[{"name": "model.safetensors", "size": "1 B"}])
    (got,) = get("a", Fetcher(tmp_path / "weights", Reporter(quiet=True), QUICK))
    assert got.path == tmp_path / "weights/org/name/model.safetensors"
    assert "as the hub states" in got.note
    server.headers["X-Linked-Etag"] = f'"{"0" * 64}"'
    with pytest.raises(MissingError, match="gave another file"):
        fetch("a", tmp_path / "other")


@pytest.mark.parametrize("code", [401, 403])
def test_a_refusal_names_the_page_of_every_link(server: Server, cards: Path, tmp_path: Path, code: int) -> None:
    server.headers["X-Error-Code"] = "GatedRepo"
    server.faults["/org/vae/resolve/main/v.bin"] = [code] * 4
    server.files["/w.pt"] = b"w"
    for name in ("vae", "uni"):
        write(cards, name, hub=f"org/{name}", access="gated", files=[{"name": "v.bin", "size": "1 B"}])
    public = [{"name": "w.pt", "addresses": [f"{server.url}/w.pt"], "size": "1 B"}]
    write(cards, "whole", files=public, needs=["vae", "uni"])
    with pytest.raises(MissingError) as caught:
        fetch("whole", tmp_path / "weights")
    assert "is gated: your account has no access to it yet" in caught.value.got
    pages = "accept the terms at https://page.example/vae and at https://page.example/uni; run `hf auth login`"
    assert pages in caught.value.fix
    assert not server.requests("/w.pt")  # refused links come first


def test_a_hub_that_wants_a_login_and_one_that_is_broken(server: Server, cards: Path, tmp_path: Path) -> None:
    write(cards, "a", hub="org/name", files=[{"name": "a.bin", "size": "1 B"}])
    path = "/org/name/resolve/main/a.bin"
    server.faults[path] = [401]
    with pytest.raises(MissingError, match="run `hf auth login`"):
        fetch("a", tmp_path / "weights")
    server.faults[path] = [502]
    with pytest.raises(MissingError, match="answers 502"):
        fetch("a", tmp_path / "weights")
    with pytest.raises(MissingError, match="does not have the file|answers 404|does not exist"):
        fetch("a", tmp_path / "weights")


def test_no_hub_is_one_line_within_seconds(cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with serving() as gone:
        monkeypatch.setattr(constants, "ENDPOINT", gone.url)
    write(cards, "a", hub="org/name", files=[{"name": "a.bin", "size": "1 B"}])
    write(cards, "all", hub="org/name")
    for name in ("a", "all"):
        with pytest.raises(MissingError, match="no connection to 127") as caught:
            fetch(name, tmp_path / "weights")
        assert "\n" not in caught.value.got


def test_what_a_person_must_fetch(cards: Path, tmp_path: Path) -> None:
    write(cards, "h", access="by-hand", setting="--set x=FILE", files=[{"name": "h.tar", "size": "1 B"}])
    folder = tmp_path / "weights"
    with pytest.raises(MissingError, match="cannot be fetched by a command") as caught:
        fetch("h", folder)
    assert "https://page.example/h" in caught.value.got
    assert caught.value.fix == f"download it there and put it at {folder / 'h.tar'}; then give it as --set x=FILE"
    folder.mkdir()
    (folder / "h.tar").write_bytes(b"h")
    assert fetch("h", folder) == [folder / "h.tar"]


def test_another_form_of_the_same_weights_is_found(cards: Path, tmp_path: Path) -> None:
    files = [{"name": "a.pt", "addresses": ["https://x.example/a.pt"], "size": "1 B"}]
    write(cards, "a", files=[*files, {"name": "a.safetensors", "size": "1 B", "other": True}])
    (tmp_path / "a.safetensors").write_bytes(b"a")
    assert find(known_card("a"), tmp_path) == tmp_path / "a.safetensors"
    assert fetch("a", tmp_path) == [tmp_path / "a.safetensors"]


def test_an_archive_is_unpacked_into_a_folder_of_its_name(server: Server, cards: Path, tmp_path: Path) -> None:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("model.ckpt", b"tensors")
    server.files["/vq.zip"] = made.getvalue()
    file = {"name": "vq.zip", "addresses": [f"{server.url}/vq.zip"], "size": "1 B", "unpack": True}
    write(cards, "vq", files=[file])
    folder = tmp_path / "weights"
    assert fetch("vq", folder) == [folder / "vq"] == fetch("vq", folder)
    assert (folder / "vq/model.ckpt").read_bytes() == b"tensors"
    assert not (folder / "vq.zip").exists()
    assert len(server.asked) == 1
