"""Why a number is missing or has no interval, in the words of its readers: one cause for all arms that it holds for."""

from __future__ import annotations

import re
from typing import NamedTuple


class Cause(NamedTuple):
    """A cause that several arms can share, and what differs between them."""

    words: str
    detail: str = ""


# Patterns of reasons in the results table: what is said instead, and what of it belongs to the arm.
_KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        r"no interval: resampling biases a Frechet distance(; read it [^;]*)?",
        "no interval, because resampling biases this distance: compare it with real vs real, and over seeds",
        "",
    ),
    (
        r"no interval: resampling repeats images, which makes neighbours of copies(; read it [^;]*)?",
        "no interval, because resampling repeats images: compare it with real vs real, and over seeds",
        "",
    ),
    (
        r"n = (?P<n>\d+) <= d = (?P<d>\d+): the Frechet distance is rank deficient and rewards low diversity; read kd",
        "fewer images than features, which rewards low diversity: read kd instead",
        "{n} images, {d} features",
    ),
    (
        r"images of a slide vary (?P<times>.+?) times as much as real ones",
        "images of one slide vary less than real ones, by this factor",
        "{times}",
    ),
    (
        r"\S.* shows no mask without the real patch it is from( \(.*\))?",
        "cannot draw a mask without its real patch",
        "",
    ),
    (r"\S.* draws images of no mask", "does not draw masks", ""),
    (
        r"only (?P<n>\d+) images of test (?P<what>masks|captions); (?P<needed>\d+) are needed: [^;]*",
        "too few images of test {what}, {needed} are needed",
        "{n}",
    ),
    (r"no image of the set has a caption", "no captions", ""),
    (
        r"no interval: of (?P<n>\d+) groups, (?P<effective>[\d.]+) contribute to the number, [^;]*; [^;]*",
        "no interval: too few groups have what is counted",
        "{effective} of {n}",
    ),
    (r"(?P<n>\d+) (?P<rest>images with nuclei in [^;]* count as their diagonal)", "{rest}", "{n}"),
)
_FOLD = re.compile(r"fold (\d+/\d+): ")


def causes(reason: str) -> list[Cause]:
    """Return the causes that a reason of the results table names.

    >>> causes("only 24 images of test masks; 64 are needed: raise faithfulness_samples of the preset")
    [Cause(words='too few images of test masks, 64 are needed', detail='24')]
    """
    fold = _FOLD.match(reason)
    rest, found = reason[fold.end() :] if fold else reason, []
    while rest:
        rest, cause = _first(rest)
        found.append(Cause(cause.words, ", ".join(filter(None, [f"fold {fold[1]}" if fold else "", cause.detail]))))
    return found


def _first(text: str) -> tuple[str, Cause]:
    """Return the first cause of a text, and what follows it."""
    for pattern, words, detail in _KNOWN:
        match = re.match(rf"(?:{pattern})(?:; |$)", text)
        if match:
            named = match.groupdict()
            return text[match.end() :], Cause(words.format(**named), detail.format(**named))
    words, _, rest = text.partition("; ")
    return rest, Cause(words)
