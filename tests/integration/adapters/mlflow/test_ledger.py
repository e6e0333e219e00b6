"""The ledger in a real MLflow store: written at once, interrupted, and attacked."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pytest
from mlflow import MlflowClient
from mlflow.store.entities import PagedList

from crosscloud_mnist.adapters.mlflow import ledger as ledger_module
from crosscloud_mnist.adapters.mlflow.ledger_chain import hash_entry
from crosscloud_mnist.adapters.mlflow.registry import MlflowRegistry
from crosscloud_mnist.errors import RegistryError, VerificationError
from crosscloud_mnist.ports import LedgerEntry

_names = (f"model_{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture
def registry(uri):
    registry = MlflowRegistry(uri=uri, experiment="mnist")
    registry.workspace()
    return registry


@pytest.fixture
def client(uri, registry):
    return MlflowClient(uri)


@pytest.fixture
def name(client):
    name = next(_names)
    client.create_registered_model(name)
    return name


def promoted(name, version):
    return LedgerEntry("promoted", name, "champion", version, "ab" * 32)


def versions(registry, name):
    return [entry.version for entry in registry.ledger(name)]


def write_run(client, entry):
    """Write an entry into the experiment, as somebody without access to the model can."""
    experiment = client.get_experiment_by_name("mnist-ledger")
    sealed = replace(entry, hash=hash_entry(entry))
    tags = {f"ledger.{key}": value for key, value in asdict(sealed).items() if key != "completed"}
    client.create_run(experiment.experiment_id, tags=tags)


def test_the_order_is_that_of_the_chain_when_a_clock_is_behind(registry, name, monkeypatch):
    registry.append_entry(promoted(name, "1"))

    class SlowClock(datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) - timedelta(minutes=30)

    monkeypatch.setattr(ledger_module, "datetime", SlowClock)
    registry.append_entry(promoted(name, "2"))
    assert versions(registry, name) == ["1", "2"]
    first, second = registry.ledger(name)
    assert second.timestamp < first.timestamp


def test_entries_that_are_written_at_once_are_all_kept(uri, registry, name):
    def append(version):
        own = MlflowRegistry(uri=uri, experiment="mnist")
        own.complete_entry(own.append_entry(promoted(name, version)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, "1234"))
    assert sorted(versions(registry, name)) == ["1", "2", "3", "4"]
    registry.append_entry(promoted(name, "5"))
    assert versions(registry, name)[-1] == "5"


@pytest.mark.parametrize("kill_at", ["ledger_announced", "create_run", "ledger_head"])
def test_a_promotion_that_was_killed_leaves_a_ledger_that_the_next_continues(
    registry, name, monkeypatch, kill_at
):
    registry.append_entry(promoted(name, "1"))

    class KilledError(BaseException):
        """Stands for SIGKILL: nothing is undone."""

    def killing(method):
        def call(self, *arguments, **options):
            result = method(self, *arguments, **options)
            if kill_at in (*arguments, method.__name__):
                raise KilledError
            return result

        return call

    with monkeypatch.context() as killed:
        for method in (MlflowClient.create_run, MlflowClient.set_registered_model_tag):
            killed.setattr(MlflowClient, method.__name__, killing(method))
        with pytest.raises(KilledError):
            registry.append_entry(promoted(name, "2"))
    written = [] if kill_at == "ledger_announced" else ["2"]
    assert versions(registry, name) == ["1", *written]
    registry.append_entry(promoted(name, "3"))
    assert versions(registry, name) == ["1", *written, "3"]


@pytest.mark.parametrize("attack", ["first", "last", "rewrite", "truncate"])
def test_an_attack_on_the_experiment_is_noticed_and_named(registry, client, name, attack):
    entries = [registry.append_entry(promoted(name, version)) for version in "12"]
    runs = client.search_runs(
        [client.get_experiment_by_name("mnist-ledger").experiment_id],
        f"tags.`ledger.name` = '{name}'",
    )
    match attack:
        case "first":
            write_run(client, promoted(name, "666"))
        case "last":
            write_run(client, replace(promoted(name, "666"), previous_hash=entries[-1].hash))
        case "rewrite":
            for run in runs:
                client.delete_run(run.info.run_id)
            write_run(client, promoted(name, "666"))
        case "truncate":
            client.delete_run(runs[0].info.run_id)
    for use in (lambda: registry.ledger(name), lambda: registry.append_entry(promoted(name, "3"))):
        with pytest.raises(
            VerificationError, match=f"expected {entries[-1].hash} as the"
        ) as raised:
            use()
    assert attack in ("truncate", "rewrite") or f"{name} 666" in str(raised.value)


def test_the_ledger_of_another_model_is_not_affected(registry, client, name):
    registry.append_entry(promoted(name, "1"))
    other = next(_names)
    client.create_registered_model(other)
    write_run(client, promoted(other, "666"))
    assert versions(registry, name) == ["1"]
    with pytest.raises(VerificationError):
        registry.ledger(other)


def test_an_entry_is_completed_although_no_search_lists_its_run_yet(registry, name, monkeypatch):
    entry = registry.append_entry(promoted(name, "1"))
    with monkeypatch.context() as lagging:
        lagging.setattr(MlflowClient, "search_runs", lambda *_, **__: PagedList([], None))
        registry.complete_entry(entry)
    (found,) = registry.ledger(name)
    assert found.completed


def test_an_entry_of_another_process_is_completed_and_one_that_is_gone_is_one_line(uri, name):
    entry = MlflowRegistry(uri=uri, experiment="mnist").append_entry(promoted(name, "1"))
    other = MlflowRegistry(uri=uri, experiment="mnist")
    other.complete_entry(entry)
    assert other.ledger(name)[0].completed
    with pytest.raises(RegistryError, match="has no entry 0000, expected one about .* 1; look"):
        other.complete_entry(replace(entry, hash="0000"))


def test_a_ledger_whose_model_cannot_be_read_is_one_line(registry, client, name):
    registry.append_entry(promoted(name, "1"))
    client.delete_registered_model(name)
    with pytest.raises(RegistryError, match=f"1 entries of {name}, but no registered model"):
        registry.ledger(name)
