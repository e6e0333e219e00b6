"""Promotion between two real MLflow stores: verified, gated, copied once, the alias last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from mlflow import MlflowClient

from crosscloud_mnist.adapters.mlflow import Registry
from crosscloud_mnist.bundle import Signer, Verifier, write
from crosscloud_mnist.errors import PromotionRefused, RegistryError, VerificationError
from crosscloud_mnist.pipelines.register_remote import create_pipeline

NAME, ALIAS = "mnist_cnn", "champion"


@dataclass
class Clouds:
    """Two workspaces, and what promotes from one to the other."""

    folder: Path
    source: Registry
    target: Registry
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

    def promote(self, uri: str, *, minimum: float = 0.9, target: Registry | None = None) -> dict:
        given = {
            "source_registry": self.source,
            "target_registry": target or self.target,
            "verifier": self.verifier,
            "model_uri": uri,
            "params:register_remote.name": NAME,
            "params:register_remote.alias": ALIAS,
            "params:register_remote.minimum_accuracy": minimum,
        }
        ports = {name: MemoryDataset(value, copy_mode="assign") for name, value in given.items()}
        gates = JSONDataset(filepath=str(self.folder / "gates.json"))
        catalog = DataCatalog({**ports, "promotion_gates": gates})
        outputs = SequentialRunner().run(create_pipeline(), catalog)
        return outputs["registered_model"].load()

    def stored(self, store: str, name: str) -> Path:
        """The one file of that name that a workspace's artifact store holds."""
        (path,) = (self.folder / store / "artifacts").rglob(name)
        return path


@pytest.fixture
def clouds(tmp_path, verifier):
    registries = [
        Registry(uri=f"sqlite:///{tmp_path}/{store}/mlflow.db", experiment="mnist")
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
    monkeypatch.setattr("crosscloud_mnist.bundle.folder.Bundle.card", loaded)


def test_registers_once_with_lineage_and_moves_the_alias(clouds, tiny_bundle):
    uri = clouds.log(tiny_bundle)
    first = clouds.promote(uri)
    assert (first["version"], first["created"], first["digest"]) == ("1", True, tiny_bundle.digest)
    version = clouds.target.by_alias(NAME, ALIAS)
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
    assert clouds.target.by_alias(NAME, ALIAS).digest == other.digest


@pytest.mark.parametrize("name", ["model.onnx", "python_model.py", "card.json"])
def test_a_flipped_byte_at_the_source_is_refused(clouds, tiny_bundle, tripwire, name):
    uri = clouds.log(tiny_bundle)
    flip(clouds.stored("sandbox", name))
    with pytest.raises(VerificationError, match=name):
        clouds.promote(uri)
    assert clouds.target.by_alias(NAME, ALIAS) is None
    assert clouds.target.find_version(NAME, tiny_bundle.digest) is None


def test_a_flipped_byte_in_the_copy_is_refused_and_the_alias_stays(
    clouds, tiny_bundle, tiny_contents, signer
):
    clouds.promote(clouds.log(tiny_bundle))
    other = write(
        replace(tiny_contents, keras=b"another"), clouds.folder / "other" / "bundle", signer
    )
    uri = clouds.log(other)

    class Harming(Registry):
        def create_version(self, *arguments, **options):
            before = set((clouds.folder / "production").rglob("model.onnx"))
            version = super().create_version(*arguments, **options)
            (new,) = set((clouds.folder / "production").rglob("model.onnx")) - before
            flip(new)
            return version

    harming = Harming(uri=f"sqlite:///{clouds.folder}/production/mlflow.db", experiment="mnist")
    with pytest.raises(VerificationError, match=r"artifacts/model\.onnx"):
        clouds.promote(uri, target=harming)
    assert clouds.target.by_alias(NAME, ALIAS).version == "1"
    with pytest.raises(VerificationError, match=r"artifacts/model\.onnx"):
        clouds.promote(uri)  # the harmed version is not taken for the bundle later either


def test_another_keys_bundle_is_refused(clouds, tiny_contents, tripwire, monkeypatch):
    keys = str(clouds.folder / "other.pem"), str(clouds.folder / "other.pub")
    with monkeypatch.context() as undone:
        undone.setattr("crosscloud_mnist.bundle.folder.check_golden", lambda bundle: 0.0)
        bundle = write(tiny_contents, clouds.folder / "b", Signer(*keys, generate=True))
    with pytest.raises(VerificationError, match="signature does not hold"):
        clouds.promote(clouds.log(bundle))
    assert clouds.target.by_alias(NAME, ALIAS) is None


def test_another_signed_bundle_under_the_recorded_digest_is_refused(
    clouds, tiny_bundle, tiny_contents, signer
):
    """Everything is signed by the right key, but it is not the model that was logged."""
    other = write(replace(tiny_contents, keras=b"another"), clouds.folder / "b", signer)
    uri = clouds.log_as(other, tiny_bundle.digest)
    with pytest.raises(VerificationError, match=f"digest is {other.digest}, expected"):
        clouds.promote(uri)


def test_too_low_an_accuracy_is_refused_and_recorded(clouds, tiny_bundle):
    with pytest.raises(PromotionRefused, match=r"is 0\.9800, expected at least 0\.99"):
        clouds.promote(clouds.log(tiny_bundle), minimum=0.99)
    gates = JSONDataset(filepath=str(clouds.folder / "gates.json")).load()
    assert [(gate["figure"], gate["passed"]) for gate in gates] == [(0.98, False)]
    assert clouds.target.find_version(NAME, tiny_bundle.digest) is None


def test_one_workspace_as_source_and_target_is_refused(clouds, tiny_bundle):
    with pytest.raises(PromotionRefused, match="are one workspace"):
        clouds.promote(clouds.log(tiny_bundle), target=clouds.source)


def test_a_model_that_does_not_exist_is_said_in_one_line(clouds):
    with pytest.raises(RegistryError, match="m-0123456789abcdef") as raised:
        clouds.promote("models:/m-0123456789abcdef0123456789abcdef")
    assert "\n" not in str(raised.value)
