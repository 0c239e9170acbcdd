"""MLflow's server with other first settings of its pages: model training instead of GenAI, and no assistant.

MLflow keeps these settings in the browser. A script at the top of its page sets those that nobody has chosen yet.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FIRST = {
    "mlflow.workflowType_v1": "machine_learning",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
    "mlflow.assistant.panelOpen_v1": False,
}
_SCRIPT = (
    f"<script>for (const [key, value] of Object.entries({json.dumps(FIRST)})) "
    "if (localStorage.getItem(key) === null) localStorage.setItem(key, JSON.stringify(value));</script>"
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class App:
    """An ASGI application that passes everything to MLflow's and adds the script to its page."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        from mlflow.server.fastapi_app import app  # late: the process that starts this one looks into this module

        is_page = scope["type"] == "http" and scope["path"] == "/"
        await app(scope, receive, _WithScript(send) if is_page else send)


class _WithScript:
    """Sends a page with the script at the start of its head; what is not a whole page is sent unchanged."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._body.replace(b"<head>", b"<head>" + _SCRIPT.encode(), 1)
        kept = [pair for pair in self._start["headers"] if pair[0].lower() not in (b"content-length", b"etag")]
        length = (b"content-length", str(len(body)).encode())
        await self._send({**self._start, "headers": [*kept, length]})
        await self._send({"type": "http.response.body", "body": body})


app = App()
