"""Whether a host can be reached: asked once per host, and answered within seconds even without a name server."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies

_PORTS = {"http": 80, "https": 443}


class Reach:
    """Connects to each host once; the look-up of a name has no time limit of its own, so it runs in a thread."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._known: dict[tuple[str, int], str] = {}

    def why_not(self, url: str) -> str:
        """Return why the host of an address cannot be reached; empty if it can, or if a proxy stands between."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
        if get_environ_proxies(url):
            return ""
        if (host, port) not in self._known:
            self._known[host, port] = self._ask(host, port)
        return self._known[host, port]

    def _ask(self, host: str, port: int) -> str:
        said = [f"no connection to {host} within {self._limit:g} s"]

        def connect() -> None:
            try:
                socket.create_connection((host, port), timeout=self._limit).close()
                said.append("")
            except socket.gaierror:
                said.append(f"the name {host} cannot be looked up: is there a connection to the internet?")
            except OSError as error:
                said.append(f"no connection to {host}:{port}: {error.strerror or error}")

        thread = threading.Thread(target=connect, daemon=True)
        thread.start()
        thread.join(self._limit)
        return said[-1]
