"""MLflow's SQLite databases: complete or absent, and one line where one cannot be used."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from mlflow import MlflowClient

from crosscloud_mnist.adapters.mlflow.registry import MlflowRegistry
from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.storage import sqlite_store
from crosscloud_mnist.storage.sqlite_store import database_path, ensure_sqlite_store


def sqlite_uri(path):
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def created(tmp_path_factory):
    """A complete store."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    ensure_sqlite_store(sqlite_uri(path))
    return path


@pytest.fixture
def path(created, tmp_path):
    """A copy of a complete store."""
    return shutil.copy(created, tmp_path / "mlflow.db")


def start(path):
    """A process that uses the store, as a first run does."""
    code = (
        "import sys\n"
        "from crosscloud_mnist.storage.sqlite_store import ensure_sqlite_store\n"
        "ensure_sqlite_store(sys.argv[1])\n"
        "from mlflow import MlflowClient\n"
        "MlflowClient(sys.argv[1]).search_experiments()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, sqlite_uri(path)], stderr=subprocess.PIPE, text=True
    )


def test_two_first_runs_at_once_both_open_the_store(tmp_path):
    runs = [start(tmp_path / "mlflow.db") for _ in range(2)]
    for run in runs:
        _, stderr = run.communicate(timeout=120)
        assert run.returncode == 0, stderr


def test_a_run_killed_during_creation_leaves_a_store_that_the_next_run_opens(tmp_path):
    path = tmp_path / "mlflow.db"
    run = start(path)
    deadline = time.monotonic() + 60
    while not any(f.stat().st_size for f in tmp_path.rglob("*.db")) and run.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert not path.exists()
    ensure_sqlite_store(sqlite_uri(path))
    assert {each.name for each in tmp_path.iterdir()} == {"mlflow.db", "mlflow.db.lock"}
    assert MlflowClient(sqlite_uri(path)).search_experiments()


def test_a_new_store_has_the_experiment_that_kedro_mlflow_would_create(tmp_path):
    uri = sqlite_uri(tmp_path / "mlflow.db")
    ensure_sqlite_store(uri, "mnist", f"{tmp_path}/files")
    assert MlflowClient(uri).get_experiment_by_name("mnist").artifact_location.endswith("/files")


def test_a_complete_store_is_left_as_it_is(created):
    before = created.read_bytes()
    ensure_sqlite_store(sqlite_uri(created))
    assert created.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\), expected MLflow's tables; move it away"),
        (b"not a database, for sure" * 100, "cannot be opened .*expected an MLflow store; move"),
    ],
)
def test_an_empty_or_foreign_file_is_one_line_that_says_what_to_do(tmp_path, content, message):
    (tmp_path / "mlflow.db").write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as raised:
        ensure_sqlite_store(sqlite_uri(tmp_path / "mlflow.db"))
    assert "\n" not in str(raised.value)


def test_a_database_with_a_part_of_the_tables_is_one_line(path):
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM alembic_version")
    with pytest.raises(ConfigurationError, match="is incomplete, probably because the run"):
        ensure_sqlite_store(sqlite_uri(path))


def test_a_locked_database_is_one_line(path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "_BUSY_SECONDS", 0.2)
    with sqlite3.connect(path) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigurationError, match="is locked by another program"):
            ensure_sqlite_store(sqlite_uri(path))


def test_a_folder_that_may_not_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be created .*expected a folder"):
        ensure_sqlite_store(sqlite_uri(tmp_path / "file" / "mlflow.db"))


@pytest.mark.parametrize("folder", ["a[b]", "a#b", "a b", "ä"])
def test_the_database_and_the_files_stay_in_a_folder_with_brackets_or_spaces(
    created, tmp_path, folder
):
    path = tmp_path / folder / "mlflow.db"
    path.parent.mkdir()
    shutil.copy(created, path)
    assert database_path(sqlite_uri(path)) == path
    (tmp_path / folder / "bundle").mkdir()
    (tmp_path / folder / "bundle" / "MLmodel").write_text("")
    registry = MlflowRegistry(uri=sqlite_uri(path), experiment="mnist")
    version = registry.create_version(
        "mnist_cnn", path.parent / "bundle", digest="0" * 64, tags={}, description=""
    )
    registry.download_version(version, path.parent / "copy")
    assert (path.parent / "copy" / "MLmodel").exists()
    assert list((path.parent / "artifacts").rglob("MLmodel"))
    assert os.listdir(tmp_path) == [folder]  # noqa: PTH208  the names, as they are


@pytest.mark.parametrize("folder", ["a%20b", "a?b"])
def test_a_folder_that_a_uri_reads_otherwise_is_one_line_and_no_other_folder(tmp_path, folder):
    path = tmp_path / folder / "mlflow.db"
    with pytest.raises(ConfigurationError, match="expected a path without them") as raised:
        MlflowRegistry(uri=sqlite_uri(path), experiment="mnist")
    assert "rename the folder" in str(raised.value)
    assert not any(tmp_path.iterdir())


def test_any_other_uri_is_ignored():
    for uri in ("https://mlflow.example", "databricks-uc", "sqlite://", "sqlite:///:memory:"):
        assert database_path(uri) is None
        ensure_sqlite_store(uri)


def test_a_registry_on_an_empty_file_is_one_line(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"")
    registry = MlflowRegistry(uri=f"sqlite:///{tmp_path}/mlflow.db", experiment="mnist")
    with pytest.raises((ConfigurationError, RegistryError), match="is empty"):
        registry.find_version("mnist_cnn", "0" * 64)
