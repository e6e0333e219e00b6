"""A store that was copied or moved: the artifact locations in its database follow it.

MLflow records every artifact location as an absolute path. In a copy of a project, these paths are
the original's: the copy would write its artifacts into the original's store. So the database keeps
the folder that its paths belong to, in a table of this package, and the paths are rewritten when
the database is opened in another folder.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

_CREATE = "CREATE TABLE IF NOT EXISTS crosscloud_mnist_store (folder TEXT NOT NULL)"
_LOCATIONS = (  # tables and columns of MLflow that hold artifact locations
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)

logger = logging.getLogger(__name__)


def follow_folder(path: Path, timeout_seconds: float) -> None:
    """Rewrite the artifact locations of a database that was copied or moved since it was opened.

    Args:
        path: The database, with MLflow's tables.
        timeout_seconds: How long to wait for a locked database.

    Raises:
        sqlite3.Error: The database cannot be read or written.
    """
    folder = path.absolute().parent
    with closing(sqlite3.connect(path, timeout_seconds, isolation_level=None)) as database:
        recorded = _read(database)
        if recorded == folder:
            return
        database.execute("BEGIN IMMEDIATE")
        recorded = _read(database)  # again: another process may have been faster
        if recorded is not None and recorded.resolve() != folder.resolve():
            _rewrite(database, recorded, folder)
            logger.warning(
                "the store in %s was copied or moved from %s: its artifacts are now its own",
                folder,
                recorded,
            )
        database.execute(_CREATE)
        database.execute("DELETE FROM crosscloud_mnist_store")
        database.execute("INSERT INTO crosscloud_mnist_store VALUES (?)", (str(folder),))
        database.execute("COMMIT")


def _read(database: sqlite3.Connection) -> Path | None:
    """Return the folder that the locations belong to, if it was ever recorded."""
    exists = "SELECT count(*) FROM sqlite_master WHERE name = 'crosscloud_mnist_store'"
    if not database.execute(exists).fetchone()[0]:
        return None
    row = database.execute("SELECT folder FROM crosscloud_mnist_store").fetchone()
    return Path(row[0]) if row else None


def _rewrite(database: sqlite3.Connection, old: Path, new: Path) -> None:
    prefixes = [(f"{old}/", f"{new}/"), (f"{old.as_uri()}/", f"{new.as_uri()}/")]
    for table, column in _LOCATIONS:
        for old_prefix, new_prefix in prefixes:
            statement = (
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608  constants
                f"WHERE substr({column}, 1, ?) = ?"
            )
            length = len(old_prefix)
            database.execute(statement, (new_prefix, length + 1, length, old_prefix))
