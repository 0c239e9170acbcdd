"""A process that decodes maps: reads pickled calls from standard input and writes back the results; needs no torch."""

from __future__ import annotations

import os
import pickle
import sys
from typing import IO


def serve(calls: IO[bytes], answers: IO[bytes]) -> None:
    """Answer calls, (function, argument), with (succeeded, result or error), until the other side closes the pipe."""
    while True:
        try:
            function, argument = pickle.load(calls)
        except EOFError:
            return
        try:
            answer = True, function(argument)
        except Exception as error:
            answer = False, error
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()


def main() -> None:
    """Serve the process that started this one; anything that a library prints goes to standard error."""
    import cv2

    cv2.setNumThreads(1)  # there is one process per core
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
