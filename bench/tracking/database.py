"""The store's own tracking database, which is a view of the results: a broken one is set aside and made again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.atomic import ENDING, replacing

NAME = "mlflow.db"
_JOURNALS = ("-journal", "-wal", "-shm")
_TABLES = frozenset({"alembic_version", "experiments", "runs", "tags", "params", "metrics"})
# What SQLite, MLflow and its migrations say of a file that is damaged, not whole, or of another version of MLflow.
_BROKEN = (
    "malformed",
    "not a database",
    "no such table",
    "no such column",
    "already exists",
    "duplicate column",
    "out-of-date database schema",
    "Can't locate revision",
)


def fault(path: Path) -> str:
    """Return what is wrong with a database file; empty if it can be read and its tables are there."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=5)) as database:
            found = {str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not found >= _TABLES:
                return "not all of its tables were made"
            versions = database.execute("SELECT count(*) FROM alembic_version").fetchone()
            return "" if versions == (1,) else "its tables were not made to the end"
    except sqlite3.Error as error:
        return str(error) if is_broken(error) else ""


def is_broken(error: BaseException) -> bool:
    """Return whether an error says that the database itself is broken, and not that it is busy or the disk is full."""
    return any(words in str(error) for words in _BROKEN)


def set_aside(path: Path) -> Path:
    """Rename a broken database and its journals, and return its new path."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    kept = path.with_name(f"{path.name}.broken-{now}")
    path.rename(kept)
    for ending in _JOURNALS:  # SQLite would apply the journal of the broken file to a new one
        journal = path.with_name(path.name + ending)
        if journal.exists():
            journal.rename(kept.with_name(kept.name + ending))
    return kept


def create(path: Path, artifacts: str) -> None:
    """Make an empty database with all tables under another name, and rename it when it is complete.

    MLflow makes its tables in some forty steps that cannot be repeated, so a full disk must not leave half of them.
    The caller must hold the lock of the database.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for left in path.parent.glob(f".{path.name}.*{ENDING}*"):  # of a process that was killed
        left.unlink(missing_ok=True)
    with replacing(path) as temporary:
        try:
            store: Any = SqlAlchemyStore  # MLflow does not say its types
            store(f"sqlite:///{temporary.absolute()}", artifacts).engine.dispose()
        finally:
            for ending in _JOURNALS:
                temporary.with_name(temporary.name + ending).unlink(missing_ok=True)
