"""Whether a tracking server answers, found out in seconds: MLflow itself asks a dead one for minutes."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit, urlunsplit

SECONDS = 5.0
"""The longest wait for a connection, and for an answer."""
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def is_server(uri: str) -> bool:
    """Return whether an address is that of another process, and not of a file.

    >>> is_server("http://host:5000"), is_server("sqlite:///mlflow.db"), is_server("mlruns")
    (True, False, False)
    """
    scheme = urlsplit(uri).scheme
    return len(scheme) > 1 and scheme not in ("sqlite", "file")


def unreachable(uri: str, seconds: float = SECONDS) -> str:
    """Return why a server cannot be reached; empty if it answers, whatever it says, or if nobody can know."""
    try:
        parts = urlsplit(uri)
        if parts.scheme in ("http", "https"):
            return _asked(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/health", "", "")), seconds)
        port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
        if parts.hostname and port:
            socket.create_connection((parts.hostname, port), seconds).close()
    except (OSError, ValueError) as error:
        return _words(error, seconds)
    return ""


def _asked(url: str, seconds: float) -> str:
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="GET"), timeout=seconds).close()
    except urllib.error.HTTPError as error:
        error.close()  # an answer: MLflow knows how to deal with it
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            return ""  # MLflow has settings of its own for certificates
        return _words(error.reason, seconds) if isinstance(error.reason, OSError) else str(error.reason)
    except http.client.HTTPException as error:
        return f"the answer is not one of a web server ({type(error).__name__})"
    return ""


def _words(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} s"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
