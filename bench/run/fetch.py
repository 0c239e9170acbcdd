"""What a run fetches before it starts: public weights and data that are missing, after everything missing is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from bench.config import RunRequest
from bench.engine.reporter import Reporter
from bench.engine.space import amount
from bench.errors import MissingError
from bench.plan.checks import Fetchable, Missing, stop_if_missing

_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def fetchable(missing: Iterable[Missing], request: RunRequest) -> list[Fetchable]:
    """Return what of the missing things a run would fetch, each once; nothing if it is offline."""
    if request.offline or request.weights is None:
        return []
    return list(dict.fromkeys(item.fetch for item in missing if item.fetch is not None))


def fetch_missing(look: Callable[[], Sequence[Missing]], request: RunRequest, reporter: Reporter) -> bool:
    """Fetch what is missing and may be fetched; return whether anything was fetched, which the caller looks for again.

    Args:
        look: returns what is missing.
        request: says whether and where things are fetched.
        reporter: shows progress.

    Raises:
        MissingError: something is missing that cannot be fetched; all of it is listed, and nothing is fetched.
    """
    missing = look()
    wanted = fetchable(missing, request)
    stop_if_missing([item for item in missing if item.fetch is None or not wanted])
    if wanted:
        reporter.say(f"fetching what is missing: {listed(wanted)}; --offline forbids it")
        _fetch(wanted, request, reporter)
    return bool(wanted)


def listed(wanted: Sequence[Fetchable]) -> str:
    """Return things to fetch in a line, with their sizes, and the sum of the sizes that are stated.

    >>> listed([Fetchable("weights", "clip-vit-b-32", "338 MiB"), Fetchable("weights", "inception", "91 MiB")])
    'clip-vit-b-32 (338 MiB), inception (91 MiB); 429 MiB in all'
    """
    sizes = [_bytes(one.size) for one in wanted]
    whole = f"; {amount(sum(filter(None, sizes)))} in all" if len(wanted) > 1 and all(sizes) else ""
    return ", ".join(f"{one.name} ({one.size})" for one in wanted) + whole


def _fetch(wanted: Sequence[Fetchable], request: RunRequest, reporter: Reporter) -> None:
    """Fetch everything; what fails is reported once for each reason, after the rest was fetched."""
    # imported here: a run that lacks nothing needs no network
    from bench.fetching.data import get_data
    from bench.fetching.file import Fetcher
    from bench.fetching.weights import get

    assert request.weights is not None
    fetchers = {"weights": Fetcher(request.weights, reporter)}
    if request.data_root is not None:
        fetchers["data"] = Fetcher(request.data_root, reporter)
    failed: dict[str, list[tuple[str, MissingError]]] = {}
    for one in wanted:
        run = get if one.kind == "weights" else get_data
        try:
            for _ in run(one.name, fetchers[one.kind], request.mirror):
                pass
        except MissingError as error:
            failed.setdefault(error.got, []).append((f"bench {one.kind} get {one.name}", error))
    stop_if_missing([_reason(reason, errors) for reason, errors in failed.items()])


def _reason(reason: str, errors: Sequence[tuple[str, MissingError]]) -> Missing:
    commands = " and ".join(f"`{command}`" for command, _ in errors)
    messages = " and ".join(error.message.removesuffix(" cannot be fetched") for _, error in errors)
    if len(errors) == 1:
        return Missing(errors[0][1].message, reason, errors[0][1].fix)
    fix = f"check the connection, or run {commands} on a machine with one"
    return Missing(f"{messages} cannot be fetched", reason, fix)


def _bytes(size: str) -> float | None:
    found = re.match(r"([\d.]+) ([kMGKi]*B)", size)
    return float(found[1]) * _UNITS[found[2]] if found else None
