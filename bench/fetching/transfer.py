"""One file from one address: a transfer that continues where it was interrupted."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from pooch import HTTPDownloader
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from bench.engine.space import check_space, writing

CHUNK = 1 << 16
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How long to wait: seconds to connect, seconds without a byte, and tries in a row that bring nothing new."""

    connect: float = 5.0
    stall: float = 30.0
    tries: int = 4
    pause: float = 1.0


PATIENCE = Patience()


class FetchError(Exception):
    """An address that does not give the file: why, in words. `refused` if the server asks for permission."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.refused = reason, refused


class _PassingError(Exception):
    """A failure that another try may not have."""


class Watcher(Protocol):
    """Who is shown how a transfer advances."""

    def start(self, total: int | None, done: int) -> None:
        """Begin or begin again: bytes of the whole file, and those that are there."""
        ...

    def advance(self, n: int) -> None:
        """Add bytes that have come."""
        ...


class Resuming(HTTPDownloader):  # type: ignore[misc]
    """A downloader of pooch that continues after the bytes that its output file has already.

    A server that does not know ranges sends the whole file again. Without a known hash, bytes of an earlier try are
    used only if the server confirms by its `ETag` that they are of the same file.

    Args:
        watcher: who is shown how the transfer advances.
        patience: how long to wait.
        pinned: whether the hash of the file is known, so that a mixture of two files would be noticed.
        headers: headers of the request, such as a token.
    """

    def __init__(
        self, watcher: Watcher, patience: Patience, *, pinned: bool, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(chunk_size=CHUNK, timeout=(patience.connect, patience.stall))
        self._watcher, self._patience, self._pinned, self._headers = watcher, patience, pinned, dict(headers or {})

    def __call__(self, url: str, output_file: str | Path, pooch: Any = None, check_only: bool = False) -> None:
        """Complete the output file.

        Raises:
            FetchError: this address does not give it.
            BenchError: it cannot be written.
        """
        part = Path(output_file)
        most, tries = _size(part), 0
        while True:
            try:
                self._once(url, part)
                return
            except _PassingError as error:
                if _size(part) > most:
                    most, tries = _size(part), 0
                tries += 1
                if tries >= self._patience.tries:
                    raise FetchError(f"{error} ({tries} tries)") from error
                time.sleep(self._patience.pause * 2 ** (tries - 1))

    def _once(self, url: str, part: Path) -> None:
        done = self._usable(part)
        headers = {**self._headers, "Accept-Encoding": "identity", **self._range(part, done)}
        try:
            with requests.get(url, headers=headers, stream=True, timeout=self.kwargs["timeout"]) as response:
                if response.status_code == 416:
                    self._at_end(response, part, done)
                    return
                _check_status(response)
                self._receive(response, part, done)
        except requests.RequestException as error:
            raise _failure(error, url, self._patience) from error

    def _receive(self, response: requests.Response, part: Path, done: int) -> None:
        if not self._pinned and response.headers.get("Content-Type", "").startswith("text/html"):
            raise FetchError("the server sent a web page instead of the file")
        first, total = _content(response)
        if first != done:  # the whole file, or not the bytes that were asked for
            done = 0
            if first:
                with writing(part):
                    part.unlink()
                raise _PassingError("the server sent other bytes than were asked for")
        self._watcher.start(total, done)
        with writing(part):
            _tag(part).write_text(response.headers.get("ETag", ""), encoding="utf-8")
            if total is not None:
                check_space(part, total - done)
        with writing(part):
            out = part.open("ab" if done else "wb")
        with out:
            for chunk in response.iter_content(CHUNK):
                with writing(part):
                    out.write(chunk)
                    out.flush()
                self._watcher.advance(len(chunk))
        if total is not None and _size(part) != total:
            raise _PassingError(f"the transfer ended after {_size(part)} of {total} bytes")

    def _usable(self, part: Path) -> int:
        """Return how many bytes of an earlier try can be used; those that may be of another file are removed."""
        if part.is_file() and not self._pinned and not _strong(part):
            part.unlink()
        return _size(part)

    def _range(self, part: Path, done: int) -> dict[str, str]:
        if not done:
            return {}
        same = _strong(part)
        return {"Range": f"bytes={done}-", **({"If-Range": same} if same and not self._pinned else {})}

    def _at_end(self, response: requests.Response, part: Path, done: int) -> None:
        """Accept an output file that is complete already; otherwise begin again."""
        total = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
        if total is not None and int(total[1]) == done:
            self._watcher.start(done, done)
            return
        with writing(part):
            part.unlink()
        raise _PassingError("the server does not have as many bytes as were already here")


def discard(part: Path) -> None:
    """Remove the bytes of a transfer, and what is kept next to them."""
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _strong(part: Path) -> str:
    """Return the server's name for the exact content of the bytes that are here; empty if it gave none."""
    tag = _tag(part).read_text(encoding="utf-8") if _tag(part).is_file() else ""
    return "" if tag.startswith("W/") else tag


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _content(response: requests.Response) -> tuple[int, int | None]:
    """Return the position of the first byte of a response, and the size of the whole file if the server says it."""
    if response.status_code == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found is not None:
            return int(found[1]), None if found[2] == "*" else int(found[2])
        raise FetchError("the server sent a part of the file and does not say which")
    length = response.headers.get("Content-Length")
    return 0, int(length) if length is not None and length.isdigit() else None


def _check_status(response: requests.Response) -> None:
    code = response.status_code
    if code in (200, 206):
        return
    said = f"the server answers {code} {response.reason or ''}".rstrip()
    if code in _AGAIN:
        raise _PassingError(said)
    raise FetchError(said, refused=code in (401, 403))


def _failure(error: requests.RequestException, url: str, patience: Patience) -> Exception:
    """Return the failure that an exception of requests is: one that passes, or the end of this address."""
    host = urlsplit(url).netloc
    if isinstance(error, requests.exceptions.SSLError):
        return FetchError(f"the certificate of {host} is not accepted: {_innermost(error)}")
    if isinstance(error, requests.ConnectTimeout):
        return FetchError(f"no connection to {host} within {patience.connect:g} s")
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    if isinstance(reason, (NewConnectionError, ConnectTimeoutError)):
        return FetchError(f"no connection to {host}: {_innermost(reason)}")
    if isinstance(error, requests.Timeout) or "timed out" in str(error).casefold():
        return _PassingError(f"{host} sent nothing for {patience.stall:g} s")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return _PassingError(f"{host} closed the connection")
    return FetchError(f"{host}: {_innermost(error)}")


def _innermost(error: BaseException) -> str:
    """Return the last part of a message that wraps others."""
    text = str(error).rsplit(": ", 1)[-1].strip("()'\" ")
    return re.sub(r"^\[Errno -?\d+\] ", "", text)
