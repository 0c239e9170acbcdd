"""One file from a server that fails in every way: what is resumed, what is refused, and what is said."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import resource
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bench.engine.reporter import Reporter
from bench.errors import BenchError, MissingError
from bench.fetching.file import Address, Fetcher, Wanted
from bench.fetching.transfer import Patience
from tests.bench.fetching.server import Server, serving

CONTENT = np.random.default_rng(0).bytes(300_000)
HASH = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(connect=2, stall=0.5, tries=3, pause=0.01)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(files={"/a.bin": CONTENT, "/b.bin": CONTENT}) as running:
        yield running


def wanted(server: Server, *paths: str, sha256: str = HASH, **changes: object) -> Wanted:
    sources = [partial(Address, server.url + path) for path in paths or ("/a.bin",)]
    return Wanted("a.bin", sources, sha256, **changes)  # type: ignore[arg-type]


def fetcher(folder: Path) -> Fetcher:
    return Fetcher(folder, Reporter(quiet=True), QUICK)


def left(folder: Path) -> list[str]:
    """Return the files that are visible, and unfinished transfers."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_file_arrives_and_is_there_the_second_time(server: Server, tmp_path: Path) -> None:
    found = fetcher(tmp_path / "deep/folder").get(wanted(server))
    assert (found.path.read_bytes(), found.new, found.sha256) == (CONTENT, True, HASH)
    assert left(tmp_path) == ["a.bin"]
    assert fetcher(tmp_path / "deep/folder").get(wanted(server)).new is False
    assert len(server.asked) == 1


def test_a_cut_transfer_continues_where_it_was_cut(server: Server, tmp_path: Path) -> None:
    server.faults["/a.bin"] = ["cut 120000", "cut 60000"]
    assert fetcher(tmp_path).get(wanted(server)).path.read_bytes() == CONTENT
    spans = [span for _, span in server.requests("/a.bin")]
    assert spans[0] == ""
    assert all(span.startswith("bytes=") for span in spans[1:])
    assert len(CONTENT) <= server.sent < len(CONTENT) + 2 * 70_000  # not more than a buffer is sent twice


def test_more_cuts_than_tries_do_not_matter_while_bytes_come(server: Server, tmp_path: Path) -> None:
    server.faults["/a.bin"] = ["cut 70000"] * 4
    assert fetcher(tmp_path).get(wanted(server)).path.read_bytes() == CONTENT


def test_a_server_without_ranges_begins_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.faults["/a.bin"] = ["cut 150000"]
    assert fetcher(tmp_path).get(wanted(server)).path.read_bytes() == CONTENT
    assert server.sent == len(CONTENT) + 150_000


def test_a_wrong_byte_is_refused_and_removed_and_the_next_mirror_is_asked(server: Server, tmp_path: Path) -> None:
    server.faults["/a.bin"] = ["wrong"]
    assert fetcher(tmp_path).get(wanted(server, "/a.bin", "/b.bin")).path.read_bytes() == CONTENT
    assert [path for _, path, _ in server.asked] == ["/a.bin", "/b.bin"]
    assert left(tmp_path) == ["a.bin"]


def test_a_wrong_byte_everywhere_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.faults["/a.bin"] = ["wrong"]
    with pytest.raises(MissingError) as caught:
        fetcher(tmp_path).get(wanted(server))
    assert "gave another file, which was removed: SHA-256" in caught.value.got
    assert HASH in caught.value.got
    assert left(tmp_path) == []


def test_bytes_of_another_version_are_given_up(server: Server, tmp_path: Path) -> None:
    part = tmp_path / ".fetching/a.bin.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * 1000)
    assert fetcher(tmp_path).get(wanted(server)).path.read_bytes() == CONTENT
    assert [span for _, span in server.requests("/a.bin")] == ["bytes=1000-", ""]


def test_a_complete_transfer_whose_process_ended_before_its_name_is_not_sent_again(
    server: Server, tmp_path: Path
) -> None:
    part = tmp_path / ".fetching/a.bin.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT)
    assert fetcher(tmp_path).get(wanted(server)).path.read_bytes() == CONTENT
    assert server.sent == 0


def test_too_many_bytes_of_an_earlier_try_are_given_up(server: Server, tmp_path: Path) -> None:
    part = tmp_path / ".fetching/a.bin.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT + b"x")
    assert fetcher(tmp_path).get(wanted(server)).path.read_bytes() == CONTENT


def test_a_silent_server_is_given_up_and_asked_again(server: Server, tmp_path: Path) -> None:
    server.faults["/a.bin"] = ["stall 100000"]
    assert fetcher(tmp_path).get(wanted(server)).path.read_bytes() == CONTENT
    server.faults["/b.bin"] = ["stall 0"] * 3
    with pytest.raises(MissingError, match=r"sent nothing for 0\.5 s \(3 tries\)"):
        fetcher(tmp_path).get(Wanted("b.bin", [partial(Address, f"{server.url}/b.bin")], HASH))


def test_a_slow_server_is_waited_for(server: Server, tmp_path: Path) -> None:
    server.pause = 0.02  # 1.5 s in all, three times the limit of silence
    begun = time.perf_counter()
    assert fetcher(tmp_path).get(wanted(server)).path.read_bytes() == CONTENT
    assert time.perf_counter() - begun > QUICK.stall
    assert len(server.asked) == 1


def test_redirects_and_statuses(server: Server, tmp_path: Path) -> None:
    server.moved["/old.bin"] = f"{server.url}/a.bin"
    assert fetcher(tmp_path / "1").get(wanted(server, "/old.bin")).path.read_bytes() == CONTENT
    server.faults["/a.bin"] = [500, 503]
    assert fetcher(tmp_path / "2").get(wanted(server)).path.read_bytes() == CONTENT
    assert fetcher(tmp_path / "3").get(wanted(server, "/none.bin", "/b.bin")).path.read_bytes() == CONTENT
    assert len(server.requests("/none.bin")) == 1
    server.moved["/circle"] = f"{server.url}/circle"
    with pytest.raises(MissingError, match="redirects"):
        fetcher(tmp_path / "4").get(wanted(server, "/circle"))
    with pytest.raises(MissingError) as caught:
        fetcher(tmp_path / "5").get(wanted(server, "/none.bin", fix="buy it", permit="ask"))
    assert (caught.value.got, caught.value.fix) == ("the server answers 404 Not Found", "buy it")
    server.faults["/a.bin"] = [403]
    with pytest.raises(MissingError) as caught:
        fetcher(tmp_path / "6").get(wanted(server, fix="buy it", permit="ask"))
    assert caught.value.fix == "ask"


def test_no_connection_is_said_at_once_and_once(tmp_path: Path) -> None:
    with serving() as server:
        gone = server.url
    begun = time.perf_counter()
    made = fetcher(tmp_path)
    for name in ("a.bin", "b.bin"):
        with pytest.raises(MissingError, match="no connection to 127") as caught:
            made.get(Wanted(name, [partial(Address, f"{gone}/{path}") for path in ("x", "y")], HASH))
        assert caught.value.got.count("no connection") == 1
    assert time.perf_counter() - begun < 3


def test_a_name_that_nobody_answers_for_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*arguments: object, **options: object) -> None:
        time.sleep(3)
        raise TimeoutError("timed out")

    monkeypatch.setattr("socket.create_connection", silent)
    begun = time.perf_counter()
    with pytest.raises(MissingError, match=r"no connection to weights\.example within 2 s"):
        fetcher(tmp_path).get(Wanted("a.bin", [partial(Address, "http://weights.example/a.bin")], HASH))
    assert time.perf_counter() - begun < 4


def test_a_full_disk_is_named_before_and_during_a_transfer(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(MissingError, match=r"no space for a\.bin\.part in .*293 KiB are needed, and 1000 B are free"):
        fetcher(tmp_path).get(wanted(server))
    monkeypatch.undo()
    assert not (tmp_path / "a.bin").exists()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(MissingError) as caught:
            fetcher(tmp_path).get(wanted(server))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "are free" in caught.value.got
    assert not (tmp_path / "a.bin").exists()
    assert fetcher(tmp_path).get(wanted(server)).path.read_bytes() == CONTENT  # it continues when there is space


def test_a_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BenchError, match="Cannot write to"):
        fetcher(tmp_path / "file").get(wanted(server))
    assert server.asked == []


def test_without_a_known_hash_the_first_is_recorded_and_compared(server: Server, tmp_path: Path) -> None:
    found = fetcher(tmp_path).get(wanted(server, sha256=""))
    assert found.sha256 == HASH
    assert "no source states" in found.confirmed
    assert (tmp_path / "a.bin.sha256").read_text(encoding="utf-8") == f"{HASH}  a.bin\n"
    assert "as recorded" in fetcher(tmp_path).get(wanted(server, sha256="")).confirmed
    (tmp_path / "a.bin").write_bytes(b"other")
    with pytest.raises(BenchError, match="is not the published file"):
        fetcher(tmp_path).get(wanted(server, sha256=""))


def test_a_web_page_is_no_file(server: Server, tmp_path: Path) -> None:
    server.headers["Content-Type"] = "text/html; charset=utf-8"
    with pytest.raises(MissingError, match="a web page instead of the file"):
        fetcher(tmp_path).get(wanted(server, sha256=""))
    assert left(tmp_path) == []
    assert fetcher(tmp_path).get(wanted(server)).new  # the hash decides where it is known


def test_a_folder_that_cannot_be_written_serves_what_it_has(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    assert fetcher(tmp_path).get(wanted(server)).new is False
    assert left(tmp_path) == ["a.bin"]
    assert not (tmp_path / ".fetching").exists()


@pytest.mark.parametrize("tags", [True, False])
def test_without_a_known_hash_two_files_are_never_joined(server: Server, tmp_path: Path, tags: bool) -> None:
    server.tags = tags
    server.faults["/a.bin"] = ["cut 120000", 404]
    with pytest.raises(MissingError):
        fetcher(tmp_path).get(wanted(server, sha256=""))
    new = CONTENT[::-1]
    server.files["/a.bin"] = new  # between the two commands, another file is published under the same address
    assert fetcher(tmp_path).get(wanted(server, sha256="")).path.read_bytes() == new


def test_first_digits_and_md5_are_enough(server: Server, tmp_path: Path) -> None:
    assert HASH[:8] in fetcher(tmp_path / "1").get(wanted(server, sha256=HASH[:8])).confirmed
    md5 = hashlib.md5(CONTENT).hexdigest()
    assert md5 in fetcher(tmp_path / "2").get(wanted(server, sha256="", md5=md5)).confirmed
    assert not (tmp_path / "2/a.bin.sha256").exists()
    with pytest.raises(MissingError, match="MD5"):
        fetcher(tmp_path / "3").get(wanted(server, sha256="", md5="0" * 32))


def test_another_file_under_the_name_is_refused_and_kept(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"mine")
    with pytest.raises(BenchError, match="is not the published file") as caught:
        fetcher(tmp_path).get(wanted(server))
    assert f"rm '{tmp_path / 'a.bin'}'" in caught.value.fix
    assert (tmp_path / "a.bin").read_bytes() == b"mine"


def test_a_copy_on_this_machine_is_used(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(CONTENT)
    found = fetcher(tmp_path / "weights").get(wanted(server, near=tmp_path / "cache"))
    assert (found.path.read_bytes(), server.asked) == (CONTENT, [])
    (tmp_path / "cache").write_bytes(b"broken")
    assert fetcher(tmp_path / "other").get(wanted(server, near=tmp_path / "cache")).path.read_bytes() == CONTENT


def _fetch(url: str, folder: Path, results: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    found = Fetcher(folder, Reporter(quiet=True), QUICK).get(Wanted("a.bin", [partial(Address, url)], HASH))
    results.put(found.new)


@pytest.mark.slow
def test_of_two_processes_one_fetches_and_the_other_waits(server: Server, tmp_path: Path) -> None:
    server.pause = 0.005
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    both = [spawn.Process(target=_fetch, args=(f"{server.url}/a.bin", tmp_path, results)) for _ in range(2)]
    for process in both:
        process.start()
    assert sorted(results.get(timeout=60) for _ in both) == [False, True]
    for process in both:
        process.join()
    assert server.sent == len(CONTENT)


def test_an_error_of_writing_without_a_known_number_is_not_hidden(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(BenchError, match="Input/output error"):
        fetcher(tmp_path).get(wanted(server))
