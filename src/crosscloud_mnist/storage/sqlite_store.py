"""MLflow stores in SQLite: a database exists with all of its tables, or not at all."""

from __future__ import annotations

import glob
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage.store_location import follow_folder

_PREFIX = "sqlite:///"
_LOCK_SECONDS = 120  # creating the tables takes seconds, on a slow disk a minute
_BUSY_SECONDS = 20  # as long as MLflow itself waits for a locked database


def database_path(uri: str) -> Path | None:
    """Return the file that a ``sqlite:///...`` URI means; ``None`` for any other URI.

    Raises:
        ConfigurationError: The path holds a character with a meaning of its own in a URI. The
            database would be created in another folder; and MLflow, given an encoded path, creates
            a folder of the encoded name.
    """
    if not uri.startswith(_PREFIX):
        return None
    path = uri.removeprefix(_PREFIX)
    if "?" in path or unquote(path) != path:
        raise ConfigurationError(
            f"the database {path} is in a folder with a % or a ? in its name, expected a path "
            "without them, as MLflow reads it as a URI; rename the folder"
        )
    return Path(path) if path not in ("", ":memory:") else None


def ensure_sqlite_store(
    uri: str, experiment: str | None = None, artifact_location: str | None = None
) -> None:
    """Create the MLflow store of a ``sqlite:///...`` URI if it does not exist; check it if it does.

    In a store that was copied or moved, the artifact locations are rewritten.

    Call it before anything opens the store, kedro-mlflow included: MLflow itself creates the tables
    one by one in place, so an interrupted first run, or two at once, leave a database that no later
    run can open. Here the tables are created in a temporary file, which is then renamed, by one
    process at a time. Any other URI is ignored.

    Args:
        uri: A tracking or registry URI.
        experiment: An experiment that a new store has from the start: kedro-mlflow fails where
            another process creates it at the same time.
        artifact_location: Where that experiment keeps its files; ``None`` is the store's default.

    Raises:
        ConfigurationError: The database is empty, incomplete, locked, not a database, or cannot be
            created.
    """
    path = database_path(uri)
    if path is None:
        return
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS):
                if not path.exists():
                    _create(path, experiment, artifact_location)
    except Timeout as error:
        raise ConfigurationError(
            f"{path} is still being created by another process after {_LOCK_SECONDS} s, expected "
            f"it to be complete by then; end that process, and run again"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"the database {path} cannot be created ({error.strerror}), expected a folder that may "
            "be written to; check its permissions and the free space"
        ) from error
    _check(path)


def _create(path: Path, experiment: str | None, artifact_location: str | None) -> None:
    """Create all tables in a temporary file beside ``path``, and rename it."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    prefix = f".{path.name}-"
    for stale in path.parent.glob(f"{glob.escape(prefix)}*"):  # of a process that was killed
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=prefix) as folder:
        temporary = Path(folder) / "mlflow.db"
        artifacts = (path.absolute().parent / "artifacts").as_uri()
        store = SqlAlchemyStore(f"{_PREFIX}{temporary.absolute()}", artifacts)  # type: ignore[no-untyped-call]
        if experiment is not None:
            store.create_experiment(experiment, artifact_location)  # type: ignore[no-untyped-call]
        store.engine.dispose()
        temporary.rename(path)


def _check(path: Path) -> None:
    remedy = "; move it away to start with an empty store, or restore it from a copy, and run again"
    if path.is_file() and path.stat().st_size == 0:
        raise ConfigurationError(
            f"the database {path} is empty (0 bytes), expected MLflow's tables{remedy}"
        )
    try:
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, _BUSY_SECONDS, uri=True)) as database:
            database.execute("BEGIN IMMEDIATE")
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            is_complete = "alembic_version" in tables and bool(
                database.execute("SELECT version_num FROM alembic_version").fetchall()
            )
    except sqlite3.Error as error:
        if "locked" in str(error):
            message = (
                f"the database {path} is locked by another program, expected it to be free within "
                f"{_BUSY_SECONDS} s; end that program (another run, an MLflow server, a database "
                "browser) and run again"
            )
        else:
            message = (
                f"the database {path} cannot be opened ({error}), expected an MLflow store{remedy}"
            )
        raise ConfigurationError(message) from error
    if not is_complete:
        raise ConfigurationError(
            f"the database {path} is incomplete, probably because the run that created it was "
            f"interrupted; expected MLflow's tables{remedy}"
        )
    follow_folder(path, _BUSY_SECONDS)
