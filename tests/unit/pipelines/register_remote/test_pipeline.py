"""Promotion between two real MLflow stores: verified, gated, copied once, the alias last."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from mlflow import MlflowClient

from crosscloud_mnist.adapters.mlflow.registry import MlflowRegistry
from crosscloud_mnist.bundle import Signer, Verifier, write
from crosscloud_mnist.errors import (
    ConfigurationError,
    PromotionRejectedError,
    RegistryError,
    VerificationError,
)
from crosscloud_mnist.pipelines import rollback
from crosscloud_mnist.pipelines.register_remote import create_pipeline
from crosscloud_mnist.pipelines.rollback.parameters import RollbackParameters
from crosscloud_mnist.promotion import ProductionModel

NAME, ALIAS = "mnist_cnn", "champion"


@dataclass
class Clouds:
    """Two workspaces, and what promotes from one to the other."""

    folder: Path
    source: MlflowRegistry
    target: MlflowRegistry
    verifier: Verifier

    def log(self, bundle) -> str:
        return self.log_as(bundle, bundle.digest)

    def log_as(self, bundle, digest: str) -> str:
        uri = f"sqlite:///{self.folder}/sandbox/mlflow.db"
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("train") or client.get_experiment(
            client.create_experiment("train", f"{self.folder}/sandbox/artifacts")
        )
        run_id = client.create_run(experiment.experiment_id).info.run_id
        tags = {"dataset": "uci-digits"}
        return self.source.log_model(
            bundle.folder, run_id=run_id, digest=digest, tags=tags, params={}
        )

    def settings(self, **changed) -> dict:
        return {
            "name": NAME,
            "alias": ALIAS,
            "challenger_alias": "challenger",
            "minimum_accuracy": 0.9,
            "significance": 0.05,
            "require_same_test_set": True,
            "approval_tag": None,
            "bundle_cache": str(self.folder / "bundle_cache"),
            "orphan_ttl_seconds": 3600,
            **changed,
        }

    def promote(self, uri: str, *, target: MlflowRegistry | None = None, **changed) -> dict:
        settings = self.settings(**changed)
        given = {
            "source_registry": self.source,
            "target_registry": target or self.target,
            "verifier": self.verifier,
            "model_uri": uri,
            "params:register_remote": settings,
            **{f"params:register_remote.{name}": value for name, value in settings.items()},
        }
        ports = {name: MemoryDataset(value, copy_mode="assign") for name, value in given.items()}
        gates = JSONDataset(filepath=str(self.folder / "gates.json"))
        catalog = DataCatalog({**ports, "promotion_gates": gates})
        outputs = SequentialRunner().run(create_pipeline(), catalog)
        return outputs["registered_model"].load()

    def gates(self) -> dict:
        rows = JSONDataset(filepath=str(self.folder / "gates.json")).load()
        return {row["gate"]: row for row in rows}

    def rollback(self, reason: str | None) -> dict:
        given = {
            "serving_registry": self.target,
            "verifier": self.verifier,
            "params:production": ProductionModel(NAME, ALIAS),
            "params:rollback": RollbackParameters(reason),
        }
        ports = {name: MemoryDataset(value, copy_mode="assign") for name, value in given.items()}
        outputs = SequentialRunner().run(rollback.create_pipeline(), DataCatalog(ports))
        return outputs["rollback_result"].load()

    def production(self) -> str | None:
        version = self.target.get_version_by_alias(NAME, ALIAS)
        return version and version.version

    def stored(self, store: str, name: str) -> Path:
        """The one file of that name that a workspace's artifact store holds."""
        (path,) = (self.folder / store / "artifacts").rglob(name)
        return path


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """An MLflow store with its tables; making them takes seconds, copying them does not."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowRegistry(uri=f"sqlite:///{path}", experiment="mnist").workspace()
    return path


@pytest.fixture
def clouds(tmp_path, verifier, empty_store):
    for store in ("sandbox", "production"):
        (tmp_path / store).mkdir()
        shutil.copy(empty_store, tmp_path / store / "mlflow.db")
    registries = [
        MlflowRegistry(uri=f"sqlite:///{tmp_path}/{store}/mlflow.db", experiment="mnist")
        for store in ("sandbox", "production")
    ]
    return Clouds(tmp_path, *registries, verifier)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.fixture
def tripwire(monkeypatch):
    """Loading anything of a bundle fails the test."""
    import onnxruntime

    def loaded(*arguments, **options):
        raise AssertionError("something of the bundle was loaded")

    monkeypatch.setattr(onnxruntime, "InferenceSession", loaded)
    monkeypatch.setattr("crosscloud_mnist.bundle.layout.Bundle.card", loaded)


def test_registers_once_with_lineage_and_moves_the_alias(clouds, tiny_bundle):
    uri = clouds.log(tiny_bundle)
    first = clouds.promote(uri)
    assert (first["version"], first["created"], first["digest"]) == ("1", True, tiny_bundle.digest)
    version = clouds.target.get_version_by_alias(NAME, ALIAS)
    assert version.version == "1"
    assert version.tags["source_model"] == uri
    assert version.tags["source_workspace"] == clouds.source.workspace()
    assert version.tags["bundle_digest"] == tiny_bundle.digest
    assert version.tags["dataset_digest"] == "ab" * 32
    assert version.tags["git_commit"] == "cd" * 20
    assert version.tags["test_accuracy"] == "0.98"
    again = clouds.promote(uri)
    assert (again["version"], again["created"]) == ("1", False)


def test_a_second_bundle_becomes_a_second_version(clouds, tiny_bundle, tiny_contents, signer):
    clouds.promote(clouds.log(tiny_bundle))
    other = write(
        replace(tiny_contents, keras=b"another"), clouds.folder / "other" / "bundle", signer
    )
    assert clouds.promote(clouds.log(other))["version"] == "2"
    assert clouds.target.get_version_by_alias(NAME, ALIAS).digest == other.digest


@pytest.mark.parametrize("name", ["model.onnx", "python_model.py", "card.json"])
def test_a_flipped_byte_at_the_source_is_refused(clouds, tiny_bundle, tripwire, name):
    uri = clouds.log(tiny_bundle)
    flip(clouds.stored("sandbox", name))
    with pytest.raises(VerificationError, match=name):
        clouds.promote(uri)
    assert clouds.target.get_version_by_alias(NAME, ALIAS) is None
    assert clouds.target.find_version(NAME, tiny_bundle.digest) is None


def test_a_flipped_byte_in_the_copy_is_refused_and_the_alias_stays(
    clouds, tiny_bundle, tiny_contents, signer
):
    clouds.promote(clouds.log(tiny_bundle))
    other = write(
        replace(tiny_contents, keras=b"another"), clouds.folder / "other" / "bundle", signer
    )
    uri = clouds.log(other)

    class Harming(MlflowRegistry):
        def create_version(self, *arguments, **options):
            before = set((clouds.folder / "production").rglob("model.onnx"))
            version = super().create_version(*arguments, **options)
            (new,) = set((clouds.folder / "production").rglob("model.onnx")) - before
            flip(new)
            return version

    harming = Harming(uri=f"sqlite:///{clouds.folder}/production/mlflow.db", experiment="mnist")
    with pytest.raises(VerificationError, match=r"artifacts/model\.onnx"):
        clouds.promote(uri, target=harming)
    assert clouds.target.get_version_by_alias(NAME, ALIAS).version == "1"
    assert clouds.promote(uri)["digest"] == other.digest  # the harmed version was removed


def test_another_keys_bundle_is_refused(clouds, tiny_contents, tripwire, monkeypatch):
    keys = str(clouds.folder / "other.pem"), str(clouds.folder / "other.pub")
    with monkeypatch.context() as undone:
        undone.setattr("crosscloud_mnist.bundle.writer.check_golden", lambda *_: 0.0)
        bundle = write(tiny_contents, clouds.folder / "b", Signer(*keys, generate=True))
    with pytest.raises(VerificationError, match="signature does not hold"):
        clouds.promote(clouds.log(bundle))
    assert clouds.target.get_version_by_alias(NAME, ALIAS) is None


def test_another_signed_bundle_under_the_recorded_digest_is_refused(
    clouds, tiny_bundle, tiny_contents, signer
):
    """Everything is signed by the right key, but it is not the model that was logged."""
    other = write(replace(tiny_contents, keras=b"another"), clouds.folder / "b", signer)
    uri = clouds.log_as(other, tiny_bundle.digest)
    with pytest.raises(VerificationError, match=f"digest is {other.digest}, expected"):
        clouds.promote(uri)


def test_too_low_an_accuracy_is_refused_and_recorded(clouds, tiny_bundle):
    with pytest.raises(PromotionRejectedError, match=r"is 0\.9800, expected at least 0\.99"):
        clouds.promote(clouds.log(tiny_bundle), minimum_accuracy=0.99)
    gate = clouds.gates()["minimum accuracy"]
    assert (gate["figure"], gate["threshold"], gate["passed"]) == (0.98, 0.99, False)
    assert clouds.production() is None
    challenger = clouds.target.get_version_by_alias(NAME, "challenger")
    assert "expected at least 0.99" in challenger.tags["refused"]


def test_one_workspace_as_source_and_target_is_refused(clouds, tiny_bundle):
    with pytest.raises(PromotionRejectedError, match="are one workspace"):
        clouds.promote(clouds.log(tiny_bundle), target=clouds.source)


def test_a_model_that_does_not_exist_is_said_in_one_line(clouds):
    with pytest.raises(RegistryError, match="m-0123456789abcdef") as raised:
        clouds.promote("models:/m-0123456789abcdef0123456789abcdef")
    assert "\n" not in str(raised.value)


def variant(clouds, contents, signer, name: str, *, wrong: int = 7, **changed):
    """A bundle like the tiny one that names the first so many test images wrong."""
    predicted = contents.test_predictions.labels.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 10
    answers = replace(contents.test_predictions, predicted=predicted)
    changed = {"keras": name.encode(), "test_predictions": answers, **changed}
    return write(replace(contents, **changed), clouds.folder / name / "bundle", signer)


def test_a_worse_model_becomes_challenger_and_the_champion_stays(
    clouds, tiny_bundle, tiny_contents, signer
):
    clouds.promote(clouds.log(tiny_bundle))
    worse = variant(clouds, tiny_contents, signer, "worse", wrong=20)
    with pytest.raises(
        PromotionRejectedError, match="champion alone names 13 right and the candidate"
    ):
        clouds.promote(clouds.log(worse))
    gate = clouds.gates()["not worse than the champion"]
    assert gate["figure"] == pytest.approx(0.5**13)
    assert not gate["passed"]
    assert clouds.production() == "1"
    challenger = clouds.target.get_version_by_alias(NAME, "challenger")
    assert (challenger.version, challenger.digest) == ("2", worse.digest)
    assert "McNemar" in challenger.tags["refused"]
    assert [(e.action, e.version, e.completed) for e in clouds.target.ledger(NAME)] == [
        ("promoted", "1", True),
        ("refused", "2", True),
    ]


def test_a_model_worse_by_chance_alone_is_promoted(clouds, tiny_bundle, tiny_contents, signer):
    clouds.promote(clouds.log(tiny_bundle))
    alike = variant(clouds, tiny_contents, signer, "alike", wrong=10)
    assert clouds.promote(clouds.log(alike))["version"] == "2"
    assert clouds.gates()["not worse than the champion"]["figure"] == pytest.approx(0.125)


def test_another_test_set_is_said_and_refused_where_the_same_is_wanted(
    clouds, tiny_bundle, tiny_contents, signer
):
    clouds.promote(clouds.log(tiny_bundle))
    answers = replace(tiny_contents.test_predictions, test_set="00" * 32)
    other = variant(clouds, tiny_contents, signer, "other", test_predictions=answers)
    uri = clouds.log(other)
    with pytest.raises(PromotionRejectedError, match="tested on another test set"):
        clouds.promote(uri)
    assert clouds.promote(uri, require_same_test_set=False)["version"] == "2"


def test_another_contract_is_refused_by_what_differs(clouds, tiny_bundle, tiny_contents, signer):
    clouds.promote(clouds.log(tiny_bundle))
    contract = {**tiny_contents.contract, "polarity": "dark ink on light ground"}
    other = variant(clouds, tiny_contents, signer, "other", contract=contract)
    with pytest.raises(
        PromotionRejectedError, match="differs from what callers rely on in polarity"
    ):
        clouds.promote(clouds.log(other))
    assert clouds.production() == "1"


def test_a_card_without_its_lineage_is_refused_by_what_is_missing(clouds, tiny_contents, signer):
    card = {name: value for name, value in tiny_contents.card.items() if name != "lock_digest"}
    old = variant(clouds, tiny_contents, signer, "old", card=card)
    with pytest.raises(PromotionRejectedError, match="says nothing of lock_digest"):
        clouds.promote(clouds.log(old))
    assert clouds.production() is None


def test_a_person_must_approve_where_the_workspace_wants_it(clouds, tiny_bundle):
    uri = clouds.log(tiny_bundle)
    with pytest.raises(PromotionRejectedError, match="the tag approved_by of the model is not set"):
        clouds.promote(uri, approval_tag="approved_by")
    client = MlflowClient(f"sqlite:///{clouds.folder}/sandbox/mlflow.db")
    client.set_logged_model_tags(uri.removeprefix("models:/"), {"approved_by": "ada"})
    assert clouds.promote(uri, approval_tag="approved_by")["version"] == "1"
    assert clouds.gates()["approval"]["figure"] == "ada"


def test_rollback_goes_back_one_good_version_each_time(clouds, tiny_bundle, tiny_contents, signer):
    clouds.promote(clouds.log(tiny_bundle))
    for name in ("second", "third"):
        clouds.promote(clouds.log(variant(clouds, tiny_contents, signer, name)))
    with pytest.raises(ConfigurationError, match="rollback has no reason, expected why"):
        clouds.rollback("")
    assert clouds.rollback("it takes sevens for ones")["version"] == "2"
    assert clouds.production() == "2"
    assert clouds.rollback("it was the second already")["version"] == "1"
    with pytest.raises(RegistryError, match="knows no version of mnist_cnn before 1"):
        clouds.rollback("still")
    history = clouds.target.ledger(NAME)
    assert [(entry.action, entry.previous_version, entry.version) for entry in history] == [
        ("promoted", "", "1"),
        ("promoted", "1", "2"),
        ("promoted", "2", "3"),
        ("rolled back", "3", "2"),
        ("rolled back", "2", "1"),
    ]
    assert history[3].reason == "it takes sevens for ones"
    assert all(entry.actor and entry.timestamp and entry.completed for entry in history)


@pytest.mark.parametrize("harm", ["change", "remove"])
def test_a_ledger_that_was_tampered_with_is_noticed(
    clouds, tiny_bundle, tiny_contents, signer, harm
):
    clouds.promote(clouds.log(tiny_bundle))
    clouds.promote(clouds.log(variant(clouds, tiny_contents, signer, "second")))
    client = MlflowClient(f"sqlite:///{clouds.folder}/production/mlflow.db")
    experiment = client.get_experiment_by_name("mnist-ledger")
    first = client.search_runs([experiment.experiment_id])[-1].info.run_id
    if harm == "change":
        client.set_tag(first, "ledger.reason", "nothing to see here")
    else:
        client.delete_run(first)
    with pytest.raises(VerificationError, match="somebody changed the ledger"):
        clouds.target.ledger(NAME)
    third = clouds.log(variant(clouds, tiny_contents, signer, "third"))
    with pytest.raises(VerificationError, match="somebody changed the ledger"):
        clouds.promote(third)
    assert clouds.production() == "2"
