"""An MLflow store: the credentials it gets, and two first promotions at once."""

from __future__ import annotations

from mlflow import MlflowClient

from crosscloud_mnist.adapters.mlflow.registry import MlflowRegistry


def test_user_and_password_of_an_address_become_decoded_variables():
    options = {"uri": "https://a%40b:p%2Fw%40rd@mlflow.example:5000/x", "experiment": "mnist"}
    config = MlflowRegistry.process_config(options, {})
    assert config.options["uri"] == "https://mlflow.example:5000/x"
    assert config.variables["MLFLOW_TRACKING_USERNAME"] == "a@b"
    assert config.variables["MLFLOW_TRACKING_PASSWORD"] == "p/w@rd"


def test_an_experiment_that_another_process_has_just_created_is_used(tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    first = MlflowClient(uri).create_experiment("mnist", f"{tmp_path}/artifacts")
    found = MlflowClient.get_experiment_by_name
    lookups = []

    def late(client, name):
        lookups.append(name)
        return found(client, name) if len(lookups) > 1 else None

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", late)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "MLmodel").write_text("")
    version = MlflowRegistry(uri=uri, experiment="mnist").create_version(
        "mnist_cnn", tmp_path / "bundle", digest="0" * 64, tags={}, description=""
    )
    assert lookups == ["mnist", "mnist"]
    created = MlflowClient(uri).get_model_version("mnist_cnn", version.version)
    assert MlflowClient(uri).get_run(created.run_id).info.experiment_id == first
