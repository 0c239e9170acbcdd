"""The store's own tracking database, which is a view of the results: a broken one is set aside and made again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bench.atomic import ENDING, replacing

NAME = "mlflow.db"
_FULL = ("disk is full", "No space left on device", "disk I/O error", "Disk quota exceeded")
_BUSY = ("database is locked", "database table is locked")


def fault(path: Path) -> str:
    """Return what is wrong with a database file; empty if it can be read and all of its tables were made."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                return str(state)
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"alembic_version", "experiments", "runs", "tags"} <= tables:
                return "its tables were not all made"
            versions = database.execute("SELECT count(*) FROM alembic_version").fetchone()
            return "" if versions == (1,) else "its tables were not all made"
    except sqlite3.Error as error:
        return "" if is_busy(error) else str(error)


def is_busy(error: BaseException) -> bool:
    """Return whether another process only holds the database at the moment."""
    return any(words in str(error) for words in _BUSY)


def is_full(error: BaseException) -> bool:
    """Return whether the disk is full, which says nothing about the database."""
    return any(words in str(error) for words in _FULL)


def set_aside(path: Path) -> Path:
    """Rename a broken database, with its journal, and return its new path."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    kept = path.with_name(f"{path.name}.broken-{now}")
    path.rename(kept)
    for ending in ("-journal", "-wal", "-shm"):  # they belong to the broken file, and would be applied to a new one
        journal = path.with_name(path.name + ending)
        if journal.exists():
            journal.rename(kept.with_name(kept.name + ending))
    return kept


def create(path: Path) -> None:
    """Make an empty database with all tables under another name, and rename it when it is complete.

    MLflow makes the tables in some forty steps that it cannot repeat; a disk that is full in between must not leave
    half of them. The caller must hold the lock of the database.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for left in path.parent.glob(f".{path.name}.*{ENDING}*"):
        left.unlink(missing_ok=True)
    with replacing(path) as temporary:
        try:
            made = SqlAlchemyStore(f"sqlite:///{temporary.absolute()}", (path.parent / "mlartifacts").absolute().as_uri())
            made.engine.dispose()
        finally:
            temporary.with_name(temporary.name + "-journal").unlink(missing_ok=True)
