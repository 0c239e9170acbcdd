"""Finished entries travel between stores: to any URL that fsspec opens, and from there, verified by their hashes."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from bench.digest import digest_file
from bench.engine.space import work_in
from bench.engine.store.checked import Checked
from bench.engine.store.entry import DOCUMENT, FILES, Broken, check_content, check_sizes, listed, read_record
from bench.engine.store.lease import Lease
from bench.engine.store.partial import set_aside
from bench.engine.store.survey import INCOMING, finished
from bench.errors import ConfigError, DataError, MissingError

_CHUNK = 1 << 20
MISNAMED = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)
"""Errors of a remote whose files and folders are not as it says: a folder instead of a file, and so on."""
_KEY = re.compile("[0-9a-f]{64}")
State = Literal["sent", "fetched", "there", "broken", "without hashes", "skipped"]


class Moved(NamedTuple):
    """What became of an entry, the bytes that travelled, and why it did not travel if it is broken or skipped."""

    stage: str
    key: str
    state: State
    size: int = 0
    reason: str = ""


class Remote:
    """Finished entries at a URL, in the folders that a store has: `jobs/<stage>/<key>`.

    The record of an entry is written last, so an entry counts once its record exists.
    """

    def __init__(self, url: str) -> None:
        """Open a URL, such as `file:///mnt/disk/store`, `s3://bucket/store` or `sftp://host/store`.

        Raises:
            ConfigError: the URL is not valid.
            MissingError: the package that opens this kind of URL is not installed.
        """
        import fsspec

        try:
            self.fs, root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise MissingError(f"URLs of this kind cannot be opened: {url}", got=str(error),
                               fix="install the package that it names with pip") from error  # fmt: skip
        except (ValueError, OSError) as error:
            fix = "give a URL such as file:///mnt/disk/store or s3://bucket/store"
            raise ConfigError(f"The URL of a store is not valid: {url}", got=str(error), fix=fix) from error
        self.url, self.root = url, str(root).rstrip("/")

    def entries(self) -> Iterator[tuple[str, str]]:
        """Yield stage and key of every entry that arrived whole, in order."""
        for path in sorted(self.fs.glob(f"{self.root}/jobs/*/*/{DOCUMENT}")):
            stage, key = PurePosixPath(path).parts[-3:-1]
            yield stage, key

    def path(self, stage: str, key: str, name: str) -> str:
        """Return the path of a file of an entry."""
        return f"{self.root}/jobs/{stage}/{key}/{name}"

    def record(self, stage: str, key: str) -> bytes | None:
        """Return the record of an entry as it is; None if there is none."""
        try:
            return bytes(self.fs.cat_file(self.path(stage, key, DOCUMENT)))
        except FileNotFoundError:
            return None

    def hash_of(self, path: str) -> str:
        """Return the sha256 of a file, read back; empty if it does not exist."""
        state = hashlib.sha256()
        try:
            with self.fs.open(path, "rb") as handle:
                while block := handle.read(_CHUNK):
                    state.update(block)
        except FileNotFoundError:
            return ""
        return state.hexdigest()


def push(root: Path, remote: Remote) -> Iterator[Moved]:
    """Send the finished entries of a store that the remote lacks, and yield what became of each.

    Each is hashed here before, and read back afterwards. An interrupted transfer continues with the entry, and in it
    with the file, at which it stopped.

    Raises:
        DataError: what arrived is not what was sent.
    """
    for stage, key, folder in finished(root):
        try:
            record = read_record(folder, stage, key)
            if FILES not in record:
                yield Moved(stage, key, "without hashes")
                continue
            text = (folder / DOCUMENT).read_bytes()
            if remote.record(stage, key) == text:
                yield Moved(stage, key, "there")
                continue
            check_sizes(record, listed(folder))
            check_content(folder, record)
        except Broken as broken:
            yield Moved(stage, key, "broken", reason=str(broken))
            continue
        size = sum(send(remote, folder / name, remote.path(stage, key, name), *known)
                   for name, known in record[FILES].items())  # fmt: skip
        send(remote, folder / DOCUMENT, remote.path(stage, key, DOCUMENT), len(text), hashlib.sha256(text).hexdigest())
        yield Moved(stage, key, "sent", size + len(text))


def send(remote: Remote, source: Path, target: str, size: int, known: str) -> int:
    """Send a file of a size and sha256 unless it already exists there; return the bytes that travelled.

    Raises:
        DataError: what arrived has another hash.
    """
    if remote.fs.exists(target) and remote.fs.size(target) == size and remote.hash_of(target) == known:
        return 0
    remote.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
    temporary = f"{target}.{uuid.uuid4().hex[:8]}.tmp"
    remote.fs.put_file(str(source), temporary)
    if remote.hash_of(temporary) != known:
        remote.fs.rm_file(temporary)
        raise DataError(f"{source} did not arrive at {remote.url} as it was sent", got="another hash",
                        fix="run the command again; what has arrived is not sent again")  # fmt: skip
    remote.fs.mv(temporary, target)
    return size


def pull(root: Path, remote: Remote) -> Iterator[Moved]:
    """Fetch the finished entries of a remote that a store lacks or has broken, and yield what became of each.

    An entry arrives in `incoming/`, is hashed, and gets its place by a rename; a broken one that has this place is
    moved to `broken/`.
    """
    for stage, key in remote.entries():
        target = root / "jobs" / stage / key
        if not _KEY.fullmatch(key):  # what others wrote into that folder
            continue
        if _is_whole(root, stage, key, target):
            yield Moved(stage, key, "there")
            continue
        lease = Lease(root, key)
        with work_in(root, f"entry {stage}/{key}"):
            lease.acquire()
            try:
                yield _fetch(root, remote, stage, key, target)
            finally:
                lease.release()


def _fetch(root: Path, remote: Remote, stage: str, key: str, target: Path) -> Moved:
    if _is_whole(root, stage, key, target):
        return Moved(stage, key, "there")
    place = root / INCOMING / f"{key}.{stage}"
    place.mkdir(parents=True, exist_ok=True)
    try:
        (place / DOCUMENT).write_bytes(remote.record(stage, key) or b"")
        record = read_record(place, stage, key)
        if FILES not in record:
            shutil.rmtree(place)
            return Moved(stage, key, "without hashes")
        size = sum(get(remote, remote.path(stage, key, name), place / name, *known)
                   for name, known in record[FILES].items())  # fmt: skip
        check_sizes(record, listed(place))
        check_content(place, record)
    except Broken as broken:
        shutil.rmtree(place)
        return Moved(stage, key, "broken", reason=str(broken))
    except FileNotFoundError as error:
        shutil.rmtree(place)
        return Moved(stage, key, "broken", reason=f"{PurePosixPath(str(error.filename or error)).name} is missing")
    except OSError as error:
        shutil.rmtree(place)
        if error.errno not in MISNAMED:
            raise
        return Moved(stage, key, "broken", reason=f"its files are not as its record says ({error.strerror})")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        set_aside(root, target)
    place.rename(target)
    Checked(root).note(target, stage, key)
    return Moved(stage, key, "fetched", size)


def _is_whole(root: Path, stage: str, key: str, target: Path) -> bool:
    """Return whether the store has an entry, and it is whole."""
    if not target.exists():
        return False
    try:
        Checked(root).check(target, stage, key)
    except Broken:
        return False
    return True


def get(remote: Remote, source: str, target: Path, size: int, known: str) -> int:
    """Fetch a file unless an interrupted transfer has left it here; return the bytes that travelled."""
    if target.is_file() and target.stat().st_size == size and digest_file(target) == known:
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    remote.fs.get_file(source, str(target))
    return size
