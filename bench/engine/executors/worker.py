"""A worker process: reads pickled steps from standard input, does them, and writes back the results or errors."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import IO

from bench.engine.executors.answer import answer
from bench.engine.executors.processes import receive, send


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Do steps until the other side closes a pipe, or ends."""
    while True:
        try:
            request = receive(requests)
        except EOFError:
            return
        try:
            send(answers, answer(*request))
        except BrokenPipeError:  # the driver was killed; the step is in the store
            with suppress(BrokenPipeError):
                answers.close()
            return


def main() -> None:
    """Serve the process that started this one; anything that a library prints goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal: the driver ends its workers
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
