"""Promotion between two real MLflow stores: verified, gated, copied once, the alias last."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from mlflow import MlflowClient

from crosscloud_mnist.adapters.mlflow.registry import MlflowRegistry
from crosscloud_mnist.bundle import Signer, Verifier, digest_of, write
from crosscloud_mnist.errors import (
    ConfigurationError,
    PromotionRejectedError,
    RegistryError,
    VerificationError,
)
from crosscloud_mnist.pipelines import deploy, register_remote, rollback
from crosscloud_mnist.pipelines.register_remote.parameters import RegisterRemoteParameters
from crosscloud_mnist.pipelines.rollback.parameters import RollbackParameters
from crosscloud_mnist.ports import Deployment, ModelVersion
from crosscloud_mnist.promotion import ProductionModel
from rehearsal.mnist_contract import mnist_contract

NAME, ALIAS = "mnist_cnn", "champion"


class FakeEndpoint:
    """Serves whatever it is given."""

    def deploy(self, version: ModelVersion, bundle: Path) -> Deployment:
        return Deployment("http://127.0.0.1", version.name, version.version, version.digest)


@dataclass
class Workspaces:
    """Two workspaces, and what promotes from one to the other."""

    folder: Path
    source: MlflowRegistry
    target: MlflowRegistry
    verifier: Verifier
    make_parameters: Callable[..., RegisterRemoteParameters]

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

    def parameters(self, **changed) -> RegisterRemoteParameters:
        return self.make_parameters(self.folder / "bundle_cache", **changed)

    def promote(
        self, uri: str, *, target: MlflowRegistry | None = None, start: str = "", **changed
    ) -> dict:
        inputs = {
            "source_registry": self.source,
            "target_registry": target or self.target,
            "verifier": self.verifier,
            "model_uri": uri,
            "params:production": ProductionModel(NAME, ALIAS),
            "params:register_remote": self.parameters(**changed),
            "params:contract": mnist_contract(),
        }
        memory = {name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()}
        reports = {
            name: JSONDataset(filepath=str(self.folder / f"{name}.json"))
            for name in ("candidate", "promotion_gates")
        }
        pipeline = register_remote.create_pipeline()
        if start:
            pipeline = pipeline.from_nodes(start)
        outputs = SequentialRunner().run(pipeline, DataCatalog({**memory, **reports}))
        return outputs["registered_model"].load()

    def gates(self) -> dict:
        rows = JSONDataset(filepath=str(self.folder / "promotion_gates.json")).load()
        return {row["gate"]: row for row in rows}

    def rollback(self, reason: str | None) -> dict:
        inputs = {
            "serving_registry": self.target,
            "verifier": self.verifier,
            "params:production": ProductionModel(NAME, ALIAS),
            "params:rollback": RollbackParameters(reason),
        }
        memory = {name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()}
        outputs = SequentialRunner().run(rollback.create_pipeline(), DataCatalog(memory))
        return outputs["rollback_result"].load()

    def deploy(self) -> str:
        """Deploy what the alias points to, and return the version served."""
        inputs = {
            "serving_registry": self.target,
            "verifier": self.verifier,
            "endpoint": FakeEndpoint(),
            "params:production": ProductionModel(NAME, ALIAS),
        }
        memory = {name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()}
        outputs = SequentialRunner().run(deploy.create_pipeline(), DataCatalog(memory))
        return outputs["deployment"].load()["model_version"]

    def forge(self, folder: Path, digest: str, **tags) -> str:
        """Register a folder under a digest that is not its own, and return the version."""
        forged = self.target.create_version(NAME, folder, digest=digest, tags=tags, description="")
        return forged.version

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
def workspaces(tmp_path, verifier, empty_store, register_remote_parameters):
    for store in ("sandbox", "production"):
        (tmp_path / store).mkdir()
        shutil.copy(empty_store, tmp_path / store / "mlflow.db")
    registries = [
        MlflowRegistry(uri=f"sqlite:///{tmp_path}/{store}/mlflow.db", experiment="mnist")
        for store in ("sandbox", "production")
    ]
    return Workspaces(tmp_path, *registries, verifier, register_remote_parameters)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.fixture
def fail_on_load(monkeypatch):
    """Loading anything of a bundle fails the test."""
    import onnxruntime

    def loaded(*arguments, **options):
        raise AssertionError("something of the bundle was loaded")

    monkeypatch.setattr(onnxruntime, "InferenceSession", loaded)
    monkeypatch.setattr("crosscloud_mnist.bundle.layout.Bundle.card", loaded)


def test_registers_once_with_lineage_and_moves_the_alias(workspaces, tiny_bundle):
    uri = workspaces.log(tiny_bundle)
    first = workspaces.promote(uri)
    assert (first["version"], first["created"], first["digest"]) == ("1", True, tiny_bundle.digest)
    version = workspaces.target.get_version_by_alias(NAME, ALIAS)
    assert version.version == "1"
    assert version.tags["source_model"] == uri
    assert version.tags["source_workspace"] == workspaces.source.workspace()
    assert version.tags["bundle_digest"] == tiny_bundle.digest
    assert version.tags["dataset_digest"] == "ab" * 32
    assert version.tags["git_commit"] == "cd" * 20
    assert version.tags["test_accuracy"] == "0.98"
    again = workspaces.promote(uri)
    assert (again["version"], again["created"]) == ("1", False)


def test_a_second_bundle_becomes_a_second_version(workspaces, tiny_bundle, tiny_contents, signer):
    workspaces.promote(workspaces.log(tiny_bundle))
    other = write(
        replace(tiny_contents, keras=b"another"), workspaces.folder / "other" / "bundle", signer
    )
    assert workspaces.promote(workspaces.log(other))["version"] == "2"
    assert workspaces.target.get_version_by_alias(NAME, ALIAS).digest == other.digest


@pytest.mark.parametrize("name", ["model.onnx", "python_model.py", "card.json"])
def test_a_flipped_byte_at_the_source_is_rejected(workspaces, tiny_bundle, fail_on_load, name):
    uri = workspaces.log(tiny_bundle)
    flip(workspaces.stored("sandbox", name))
    with pytest.raises(VerificationError, match=name):
        workspaces.promote(uri)
    assert workspaces.target.get_version_by_alias(NAME, ALIAS) is None
    assert workspaces.target.find_version(NAME, tiny_bundle.digest) is None


def test_a_flipped_byte_in_the_copy_is_rejected_and_the_alias_stays(
    workspaces, tiny_bundle, tiny_contents, signer
):
    workspaces.promote(workspaces.log(tiny_bundle))
    other = write(
        replace(tiny_contents, keras=b"another"), workspaces.folder / "other" / "bundle", signer
    )
    uri = workspaces.log(other)

    class TamperingRegistry(MlflowRegistry):
        def create_version(self, *arguments, **options):
            before = set((workspaces.folder / "production").rglob("model.onnx"))
            version = super().create_version(*arguments, **options)
            (new,) = set((workspaces.folder / "production").rglob("model.onnx")) - before
            flip(new)
            return version

    tampering = TamperingRegistry(
        uri=f"sqlite:///{workspaces.folder}/production/mlflow.db", experiment="mnist"
    )
    with pytest.raises(VerificationError, match=r"artifacts/model\.onnx"):
        workspaces.promote(uri, target=tampering)
    assert workspaces.target.get_version_by_alias(NAME, ALIAS).version == "1"
    assert workspaces.promote(uri)["digest"] == other.digest  # the tampered version was removed


def test_another_keys_bundle_is_rejected(workspaces, tiny_contents, fail_on_load, monkeypatch):
    keys = str(workspaces.folder / "other.pem"), str(workspaces.folder / "other.pub")
    with monkeypatch.context() as undone:
        undone.setattr("crosscloud_mnist.bundle.writer.check_golden", lambda *_: 0.0)
        bundle = write(tiny_contents, workspaces.folder / "b", Signer(*keys, generate=True))
    with pytest.raises(VerificationError, match="signature is not valid"):
        workspaces.promote(workspaces.log(bundle))
    assert workspaces.target.get_version_by_alias(NAME, ALIAS) is None


def test_another_signed_bundle_under_the_recorded_digest_is_rejected(
    workspaces, tiny_bundle, tiny_contents, signer
):
    """Everything is signed by the right key, but it is not the model that was logged."""
    other = write(replace(tiny_contents, keras=b"another"), workspaces.folder / "b", signer)
    uri = workspaces.log_as(other, tiny_bundle.digest)
    with pytest.raises(VerificationError, match=f"digest is {other.digest}, expected"):
        workspaces.promote(uri)


def test_too_low_an_accuracy_is_rejected_and_recorded(workspaces, tiny_bundle):
    with pytest.raises(PromotionRejectedError, match=r"is 0\.9800, expected at least 0\.99"):
        workspaces.promote(workspaces.log(tiny_bundle), minimum_accuracy=0.99)
    gate = workspaces.gates()["minimum accuracy"]
    assert (gate["figure"], gate["threshold"], gate["passed"]) == (0.98, 0.99, False)
    assert workspaces.production() is None
    challenger = workspaces.target.get_version_by_alias(NAME, "challenger")
    assert "expected at least 0.99" in challenger.tags["rejected"]


def test_one_workspace_as_source_and_target_is_rejected(workspaces, tiny_bundle):
    with pytest.raises(PromotionRejectedError, match="are one workspace"):
        workspaces.promote(workspaces.log(tiny_bundle), target=workspaces.source)


def test_a_model_that_does_not_exist_is_one_line(workspaces):
    with pytest.raises(RegistryError, match="m-0123456789abcdef") as raised:
        workspaces.promote("models:/m-0123456789abcdef0123456789abcdef")
    assert "\n" not in str(raised.value)


def variant(workspaces, contents, signer, name: str, *, wrong: int = 7, **changed):
    """A bundle like the tiny one that predicts the first ``wrong`` test images wrongly."""
    predicted = contents.test_predictions.labels.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 10
    answers = replace(contents.test_predictions, predicted=predicted)
    changed = {"keras": name.encode(), "test_predictions": answers, **changed}
    return write(replace(contents, **changed), workspaces.folder / name / "bundle", signer)


def test_a_worse_model_becomes_challenger_and_the_champion_stays(
    workspaces, tiny_bundle, tiny_contents, signer
):
    workspaces.promote(workspaces.log(tiny_bundle))
    worse = variant(workspaces, tiny_contents, signer, "worse", wrong=20)
    with pytest.raises(
        PromotionRejectedError,
        match="only the champion predicts 13 correctly and only the candidate",
    ):
        workspaces.promote(workspaces.log(worse))
    gate = workspaces.gates()["not worse than the champion"]
    assert gate["figure"] == pytest.approx(0.5**13)
    assert not gate["passed"]
    assert workspaces.production() == "1"
    challenger = workspaces.target.get_version_by_alias(NAME, "challenger")
    assert (challenger.version, challenger.digest) == ("2", worse.digest)
    assert "McNemar" in challenger.tags["rejected"]
    assert [(e.action, e.version, e.completed) for e in workspaces.target.ledger(NAME)] == [
        ("promoted", "1", True),
        ("rejected", "2", True),
    ]


def test_a_model_worse_by_chance_alone_is_promoted(workspaces, tiny_bundle, tiny_contents, signer):
    workspaces.promote(workspaces.log(tiny_bundle))
    alike = variant(workspaces, tiny_contents, signer, "alike", wrong=10)
    assert workspaces.promote(workspaces.log(alike))["version"] == "2"
    assert workspaces.gates()["not worse than the champion"]["figure"] == pytest.approx(0.125)


def test_another_test_set_is_noted_and_rejected_where_the_same_is_wanted(
    workspaces, tiny_bundle, tiny_contents, signer
):
    workspaces.promote(workspaces.log(tiny_bundle))
    answers = replace(tiny_contents.test_predictions, test_set="00" * 32)
    other = variant(workspaces, tiny_contents, signer, "other", test_predictions=answers)
    uri = workspaces.log(other)
    with pytest.raises(PromotionRejectedError, match="tested on another test set"):
        workspaces.promote(uri)
    assert workspaces.promote(uri, require_same_test_set=False)["version"] == "2"


def test_another_contract_is_rejected_by_what_differs(
    workspaces, tiny_bundle, tiny_contents, signer
):
    workspaces.promote(workspaces.log(tiny_bundle))
    contract = replace(tiny_contents.contract, image_content="dark digit on light background")
    other = variant(workspaces, tiny_contents, signer, "other", contract=contract)
    with pytest.raises(
        PromotionRejectedError, match="differs from what clients rely on in image_content"
    ):
        workspaces.promote(workspaces.log(other))
    assert workspaces.production() == "1"


def test_a_card_without_its_lineage_is_rejected_by_what_is_missing(
    workspaces, tiny_contents, signer
):
    card = {name: value for name, value in tiny_contents.card.items() if name != "lock_digest"}
    old = variant(workspaces, tiny_contents, signer, "old", card=card)
    with pytest.raises(PromotionRejectedError, match="lacks lock_digest"):
        workspaces.promote(workspaces.log(old))
    assert workspaces.production() is None


def test_a_person_must_approve_where_the_workspace_wants_it(workspaces, tiny_bundle):
    uri = workspaces.log(tiny_bundle)
    with pytest.raises(PromotionRejectedError, match="the tag approved_by of the model is not set"):
        workspaces.promote(uri, approval_tag="approved_by")
    client = MlflowClient(f"sqlite:///{workspaces.folder}/sandbox/mlflow.db")
    client.set_logged_model_tags(uri.removeprefix("models:/"), {"approved_by": "ada"})
    assert workspaces.promote(uri, approval_tag="approved_by")["version"] == "1"
    assert workspaces.gates()["approval"]["figure"] == "ada"


def test_rollback_goes_back_one_good_version_each_time(
    workspaces, tiny_bundle, tiny_contents, signer
):
    workspaces.promote(workspaces.log(tiny_bundle))
    for name in ("second", "third"):
        workspaces.promote(workspaces.log(variant(workspaces, tiny_contents, signer, name)))
    with pytest.raises(ConfigurationError, match="rollback has no reason, expected why"):
        workspaces.rollback("")
    assert workspaces.rollback("it takes sevens for ones")["version"] == "2"
    assert workspaces.production() == "2"
    assert workspaces.rollback("it was the second already")["version"] == "1"
    with pytest.raises(RegistryError, match="has no version of mnist_cnn before 1"):
        workspaces.rollback("still")
    history = workspaces.target.ledger(NAME)
    assert [(entry.action, entry.previous_version, entry.version) for entry in history] == [
        ("promoted", "", "1"),
        ("promoted", "1", "2"),
        ("promoted", "2", "3"),
        ("rolled back", "3", "2"),
        ("rolled back", "2", "1"),
    ]
    assert history[3].reason == "it takes sevens for ones"
    assert all(entry.actor and entry.timestamp and entry.completed for entry in history)


@pytest.mark.parametrize("tampering", ["change", "remove"])
def test_a_ledger_that_was_tampered_with_is_noticed(
    workspaces, tiny_bundle, tiny_contents, signer, tampering
):
    workspaces.promote(workspaces.log(tiny_bundle))
    workspaces.promote(workspaces.log(variant(workspaces, tiny_contents, signer, "second")))
    client = MlflowClient(f"sqlite:///{workspaces.folder}/production/mlflow.db")
    experiment = client.get_experiment_by_name("mnist-ledger")
    first = client.search_runs([experiment.experiment_id])[-1].info.run_id
    if tampering == "change":
        client.set_tag(first, "ledger.reason", "nothing to see here")
    else:
        client.delete_run(first)
    with pytest.raises(VerificationError, match="somebody changed the ledger"):
        workspaces.target.ledger(NAME)
    third = workspaces.log(variant(workspaces, tiny_contents, signer, "third"))
    with pytest.raises(VerificationError, match="somebody changed the ledger"):
        workspaces.promote(third)
    assert workspaces.production() == "2"


def test_an_edited_candidate_file_does_not_make_a_champion(workspaces, tiny_contents, signer):
    card = {**tiny_contents.card, "metrics": {"test_accuracy": 0.5}}
    uri = workspaces.log(variant(workspaces, tiny_contents, signer, "poor", card=card))
    with pytest.raises(PromotionRejectedError, match="is 0.5000"):
        workspaces.promote(uri)
    file = JSONDataset(filepath=str(workspaces.folder / "candidate.json"))
    file.save({**file.load(), "metrics": {"test_accuracy": 1.0}, "lineage": {}})
    with pytest.raises(PromotionRejectedError, match="is 0.5000"):
        workspaces.promote(uri, start="check_gates")
    assert workspaces.production() is None


def test_a_version_that_the_alias_was_moved_to_by_hand_is_not_deployed(
    workspaces, tiny_bundle, tiny_contents, signer
):
    workspaces.promote(workspaces.log(tiny_bundle))
    assert workspaces.deploy() == "1"
    worse = variant(workspaces, tiny_contents, signer, "worse", wrong=20)
    with pytest.raises(PromotionRejectedError):
        workspaces.promote(workspaces.log(worse))
    workspaces.target.set_alias(workspaces.target.get_version(NAME, "2"), ALIAS)
    with pytest.raises(PromotionRejectedError, match="2 in .* that it was rejected .*McNemar"):
        workspaces.deploy()
    other = variant(workspaces, tiny_contents, signer, "other")
    workspaces.forge(other.folder, other.digest, verified=other.digest)
    workspaces.target.set_alias(workspaces.target.get_version(NAME, "3"), ALIAS)
    with pytest.raises(PromotionRejectedError, match="has no entry of its promotion"):
        workspaces.deploy()
    assert workspaces.rollback("somebody moved the alias")["version"] == "1"
    assert workspaces.deploy() == "1"


@pytest.mark.parametrize("tampering", ["move", "delete"])
def test_the_champion_is_the_last_good_version_wherever_the_alias_points(
    workspaces, tiny_bundle, tiny_contents, signer, tampering
):
    workspaces.promote(workspaces.log(tiny_bundle))
    if tampering == "move":
        weak = variant(workspaces, tiny_contents, signer, "weak", wrong=60)
        number = workspaces.forge(weak.folder, weak.digest, verified=weak.digest)
        workspaces.target.set_alias(workspaces.target.get_version(NAME, number), ALIAS)
    else:
        client = MlflowClient(f"sqlite:///{workspaces.folder}/production/mlflow.db")
        client.delete_registered_model_alias(NAME, ALIAS)
    worse = workspaces.log(variant(workspaces, tiny_contents, signer, "worse", wrong=20))
    with pytest.raises(PromotionRejectedError, match="only the champion predicts 13 correctly"):
        workspaces.promote(worse)


def test_one_workspace_is_rejected_from_any_node_on(workspaces, tiny_bundle):
    uri = workspaces.log(tiny_bundle)
    workspaces.promote(uri)
    with pytest.raises(PromotionRejectedError, match="are one workspace"):
        workspaces.promote(uri, target=workspaces.source, start="check_gates")


def test_an_interrupted_promotion_is_not_deployed_until_it_is_completed(
    workspaces, tiny_bundle, monkeypatch
):
    uri = workspaces.log(tiny_bundle)

    def fail(entry):
        raise RegistryError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(workspaces.target, "complete_entry", fail)
        with pytest.raises(RegistryError, match="killed"):
            workspaces.promote(uri)
    with pytest.raises(PromotionRejectedError, match="was interrupted before its end"):
        workspaces.deploy()
    workspaces.promote(uri)
    assert workspaces.deploy() == "1"


def test_a_champion_that_was_rejected_again_is_deployed_once_it_is_promoted_again(
    workspaces, tiny_bundle
):
    uri = workspaces.log(tiny_bundle)
    workspaces.promote(uri)
    with pytest.raises(PromotionRejectedError):
        workspaces.promote(uri, minimum_accuracy=0.99)
    with pytest.raises(PromotionRejectedError, match="that it was rejected"):
        workspaces.deploy()
    workspaces.promote(uri)
    assert workspaces.deploy() == "1"


def test_a_forged_version_is_named_and_removed_by_the_command_in_the_message(
    workspaces, tiny_bundle, tiny_contents, signer
):
    uri = workspaces.log(tiny_bundle)
    other = variant(workspaces, tiny_contents, signer, "other")
    workspaces.forge(other.folder, tiny_bundle.digest, verified=tiny_bundle.digest)
    for _ in range(2):
        with pytest.raises(
            VerificationError,
            match="mnist_cnn 1 in .*--params register_remote.remove_version=1",
        ):
            workspaces.promote(uri)
    assert workspaces.promote(uri, remove_version=1)["version"] == "2"
    assert [(e.action, e.version, e.completed) for e in workspaces.target.ledger(NAME)] == [
        ("removed", "1", True),
        ("promoted", "2", True),
    ]
    assert workspaces.target.get_version(NAME, "1") is None


def test_a_half_made_version_is_named_and_removed_by_the_command_in_the_message(
    workspaces, tiny_bundle, tiny_contents, signer
):
    uri = workspaces.log(tiny_bundle)
    workspaces.promote(uri)
    shutil.rmtree(workspaces.folder / "production" / "artifacts")
    other = workspaces.log(variant(workspaces, tiny_contents, signer, "other"))
    for candidate in (uri, other):  # the version is the candidate's, or the champion
        shutil.rmtree(workspaces.folder / "bundle_cache")
        with pytest.raises((RegistryError, VerificationError), match="remove_version=1"):
            workspaces.promote(candidate)
    assert workspaces.promote(other, remove_version=1)["version"] == "2"


def test_a_good_version_is_not_removed(workspaces, tiny_bundle):
    uri = workspaces.log(tiny_bundle)
    workspaces.promote(uri)
    with pytest.raises(PromotionRejectedError, match="mnist_cnn 1 in .* is the signed bundle"):
        workspaces.promote(uri, remove_version=1)
    with pytest.raises(RegistryError, match="has no version 7"):
        workspaces.promote(uri, remove_version=7)
    assert workspaces.production() == "1"


def test_files_added_under_the_name_of_mlflows_own_are_rejected(workspaces, tiny_bundle):
    folder = shutil.copytree(tiny_bundle.folder, workspaces.folder / "added")
    (folder / "registered_model_meta").mkdir()
    (folder / "registered_model_meta" / "added.py").write_text("raise SystemExit")
    with pytest.raises(VerificationError, match="registered_model_meta/added.py"):
        workspaces.promote(
            workspaces.log_as(replace(tiny_bundle, folder=folder), digest_of(folder))
        )
    assert workspaces.production() is None
