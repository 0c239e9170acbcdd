"""A web server on this machine that misbehaves on demand, and counts what it sends."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 4096


@dataclass
class Server:
    """Files by path, and for each path what goes wrong with its next requests.

    `faults` are taken in turn: an integer is a status, `cut N` ends the connection after N bytes, `stall N` is silent
    after N bytes, `wrong` changes a byte. `ranges` says whether parts may be asked for, `pause` slows every piece.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str | int]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    tags: bool = False
    ranges: bool = True
    pause: float = 0.0
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""
    ended: threading.Event = field(default_factory=threading.Event)
    counting: threading.Lock = field(default_factory=threading.Lock)
    _sent: int = 0

    @property
    def sent(self) -> int:
        """Bytes that were sent; a piece that a client may already have is counted."""
        with self.counting:
            return self._sent

    def send(self, handler: BaseHTTPRequestHandler, piece: bytes) -> None:
        """Send a piece and count it."""
        with self.counting:
            handler.wfile.write(piece)
            handler.wfile.flush()
            self._sent += len(piece)

    def requests(self, path: str) -> list[tuple[str, str]]:
        """Return method and range of the requests for a path."""
        return [(method, span) for method, asked, span in self.asked if asked == path]


@contextmanager
def serving(**settings: object) -> Iterator[Server]:
    """Run a server."""
    known = Server(**settings)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            _answer(self, known, body=False)

        def do_GET(self) -> None:
            _answer(self, known, body=True)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    known.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield known
    finally:
        known.ended.set()
        server.shutdown()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, known: Server, *, body: bool) -> None:
    path, span = handler.path, handler.headers.get("Range", "")
    known.asked.append((handler.command, path, span))
    fault = known.faults.get(path, []).pop(0) if known.faults.get(path) else ""
    if path in known.moved:
        return _short(handler, known, 302, {"Location": known.moved[path]})
    if isinstance(fault, int):
        return _short(handler, known, fault)
    if path not in known.files:
        return _short(handler, known, 404)
    whole = known.files[path]
    if fault == "wrong":
        whole = whole[:-1] + bytes([whole[-1] ^ 1])
    tag = f'"{hash(whole)}"'
    first = 0
    found = re.fullmatch(r"bytes=(\d+)-", span)
    if found and known.ranges and handler.headers.get("If-Range", tag) == tag:
        first = int(found[1])
        if first >= len(whole):
            return _short(handler, known, 416, {"Content-Range": f"bytes */{len(whole)}"})
    handler.send_response(206 if first else 200)
    if first:
        handler.send_header("Content-Range", f"bytes {first}-{len(whole) - 1}/{len(whole)}")
    if known.tags:
        handler.send_header("ETag", tag)
    for name, value in known.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(whole) - first))
    handler.end_headers()
    if body:
        _send(handler, known, whole[first:], str(fault))
    return None


def _send(handler: BaseHTTPRequestHandler, known: Server, content: bytes, fault: str) -> None:
    kind, _, number = fault.partition(" ")
    limit = int(number) if number else len(content)
    for start in range(0, min(limit, len(content)), PIECE):
        piece = content[start : min(start + PIECE, limit)]
        try:
            known.send(handler, piece)
        except OSError:
            return
        time.sleep(known.pause)
    if kind == "stall":
        known.ended.wait(20)
    if kind in ("cut", "stall"):
        handler.close_connection = True
        handler.connection.close()


def _short(handler: BaseHTTPRequestHandler, known: Server, code: int, headers: dict[str, str] | None = None) -> None:
    handler.send_response(code)
    for name, value in {**known.headers, **(headers or {}), "Content-Length": "0"}.items():
        handler.send_header(name, value)
    handler.end_headers()
