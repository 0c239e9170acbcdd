"""Results of runs travel between stores: document, rows and folder, verified by their hashes, the document last."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bench.atomic import own_name, swap_folder, sweep
from bench.digest import canonical_json, digest_file
from bench.engine.space import work_in
from bench.engine.store.entry import is_listed_file, listed
from bench.engine.store.transfer import MISNAMED, Moved, Remote, get, send
from bench.errors import DataError
from bench.results.table import ResultsStore
from bench.run.publishing import publishing

STAGE = "results"
SUMS = ".sums"
"""Ending of the file of a remote that has size and sha256 of each file of a run's results, by its path in `results`."""
_RUN = re.compile(r"\w[\w.+-]{0,99}")


def push_results(results: ResultsStore, remote: Remote) -> Iterator[Moved]:
    """Send the results that the remote lacks, and yield what became of those of each run.

    Results that the remote has whole stay as they are, also if another machine made them. Those that cannot be read
    here are named and not sent.

    Raises:
        DataError: what arrived is not what was sent.
    """
    for run in results.runs():
        try:
            results.rows(run)
        except DataError as error:
            yield Moved(STAGE, run, "skipped", reason=error.message)
            continue
        if _is_whole(remote, run):
            yield Moved(STAGE, run, "there")
            continue
        document = f"{run}.json"
        folder = results.folder(run)
        names = [f"{run}/{name}" for name in (listed(folder) if folder.is_dir() else ())]
        names += [f"{run}.parquet", document]
        places = {name: results.root / name for name in names}
        sums = {name: (place.stat().st_size, digest_file(place)) for name, place in places.items()}
        if remote.fs.exists(_path(remote, document)):  # its files are not whole, so it must not stand for new ones
            remote.fs.rm_file(_path(remote, document))
        size = sum(send(remote, places[name], _path(remote, name), *sums[name]) for name in names[:-1])
        remote.fs.pipe_file(_path(remote, run + SUMS), canonical_json(sums).encode())
        size += send(remote, places[document], _path(remote, document), *sums[document])
        yield Moved(STAGE, run, "sent", size)


def pull_results(store: Path, results: ResultsStore, remote: Remote) -> Iterator[Moved]:
    """Fetch the results that a store lacks or has broken, and yield what became of those of each run.

    They arrive under a temporary name, are hashed and read, and then get their names, the document last.
    """
    for path in sorted(remote.fs.glob(_path(remote, "*.json"))):
        run = PurePosixPath(path).stem
        if not _RUN.fullmatch(run):  # what others wrote into that folder
            continue
        with work_in(results.root, f"results of run {run}"), publishing(store, run):
            if results.has(run):
                yield Moved(STAGE, run, "there")
            else:
                yield _fetch(results, remote, run)


def _fetch(results: ResultsStore, remote: Remote, run: str) -> Moved:
    sweep(results.root, run)
    place = own_name(results.root / run)
    arrived = ResultsStore(place, lambda text: None)
    try:
        arrived.folder(run).mkdir(parents=True)
        sums = _sums(remote, run)
        if sums is None:
            return Moved(STAGE, run, "broken", reason=f"{run}{SUMS} is missing, or names its files in another way")
        size = 0
        for name, known in sums.items():
            size += get(remote, _path(remote, name), arrived.root / name, *known)
            if digest_file(arrived.root / name) != known[1]:
                return Moved(STAGE, run, "broken", reason=f"{name} has changed")
        if arrived.document(run).run != run or set(arrived.rows(run)["run"]) - {run}:
            return Moved(STAGE, run, "broken", reason="they are those of another run")
        swap_folder(arrived.folder(run), results.folder(run))
        for ending in (".parquet", ".json"):
            os.replace(arrived.root / f"{run}{ending}", results.root / f"{run}{ending}")
        return Moved(STAGE, run, "fetched", size)
    except FileNotFoundError as error:
        return Moved(STAGE, run, "broken", reason=f"{PurePosixPath(str(error.filename or error)).name} is missing")
    except OSError as error:
        if error.errno not in MISNAMED:
            raise
        return Moved(STAGE, run, "broken", reason=f"its files are not as {run}{SUMS} says ({error.strerror})")
    except DataError as error:
        return Moved(STAGE, run, "broken", reason=error.message)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _is_whole(remote: Remote, run: str) -> bool:
    """Return whether a remote has a run's document, and all files of its results in their sizes."""
    sums = _sums(remote, run) if remote.fs.exists(_path(remote, f"{run}.json")) else None
    if sums is None:
        return False
    paths = {name: _path(remote, name) for name in sums}
    return all(remote.fs.exists(path) and remote.fs.size(path) == sums[name][0] for name, path in paths.items())


def _sums(remote: Remote, run: str) -> dict[str, tuple[int, str]] | None:
    """Return size and sha256 of the files of a run's results by their path; None if that cannot be read."""
    try:
        found = json.loads(bytes(remote.fs.cat_file(_path(remote, run + SUMS))))
    except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError):
        return None
    own = {f"{run}.json", f"{run}.parquet"}
    if not isinstance(found, dict) or not own <= found.keys():
        return None
    if not all((name in own or name.startswith(f"{run}/")) and is_listed_file(name, of) for name, of in found.items()):
        return None
    return {name: (of[0], of[1]) for name, of in found.items()}


def _path(remote: Remote, name: str) -> str:
    return f"{remote.root}/results/{name}"
