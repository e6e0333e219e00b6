"""A store that was copied or moved reads and writes its own artifacts."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from mlflow import MlflowClient

from crosscloud_mnist.adapters.mlflow.registry import MlflowRegistry
from crosscloud_mnist.storage.sqlite_store import ensure_sqlite_store

DIGEST = "ab" * 32


def open_registry(store):
    return MlflowRegistry(uri=f"sqlite:///{store}/mlflow.db", experiment="mnist")


def log(store, bundle):
    """Log the bundle under a new run of the experiment that training uses."""
    registry = open_registry(store)
    registry.workspace()
    client = MlflowClient(f"sqlite:///{store}/mlflow.db")
    experiment = client.get_experiment_by_name("train") or client.get_experiment(
        client.create_experiment("train", f"{store}/artifacts")
    )
    run = client.create_run(experiment.experiment_id)
    client.log_text(run.info.run_id, "text", "note.txt")
    return registry.log_model(
        bundle.folder, run_id=run.info.run_id, digest=DIGEST, tags={}, params={}
    )


def register(store, bundle):
    arguments = {"digest": DIGEST, "tags": {}, "description": ""}
    return open_registry(store).create_version("mnist_cnn", bundle.folder, **arguments)


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def original(tmp_path, tiny_bundle):
    """A store with a logged model and a registered version, in a folder with a space."""
    store = tmp_path / "the original" / "store"
    log(store, tiny_bundle)
    register(store, tiny_bundle)
    return store


def test_a_copy_writes_nothing_into_the_original(original, tiny_bundle, tmp_path):
    copy = shutil.copytree(original, tmp_path / "copy" / "store")
    before = files(original)
    log(copy, tiny_bundle)
    register(copy, tiny_bundle)
    assert files(original) == before
    with sqlite3.connect(copy / "mlflow.db") as database:
        dump = [line for line in database.iterdump() if "INSERT" in line and "/artifacts" in line]
    assert len(dump) > 4
    elsewhere = [line for line in dump if str(original) in line or original.as_uri() in line]
    assert elsewhere == []


def test_a_moved_store_finds_its_artifacts(original, tiny_bundle, tmp_path):
    uri = log(original, tiny_bundle)
    moved = tmp_path / "moved"
    original.rename(moved)
    registry = open_registry(moved)
    registry.download_logged(uri, tmp_path / "logged")
    registry.download_version(registry.get_version("mnist_cnn", "1"), tmp_path / "version")
    for name in ("logged", "version"):
        assert (tmp_path / name / "model.sig").is_file()


def test_a_store_that_is_reached_through_a_link_stays_as_it_is(original, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(original)
    with sqlite3.connect(original / "mlflow.db") as database:
        before = list(database.execute("SELECT artifact_uri FROM runs"))
    ensure_sqlite_store(f"sqlite:///{link}/mlflow.db")
    with sqlite3.connect(original / "mlflow.db") as database:
        assert list(database.execute("SELECT artifact_uri FROM runs")) == before
