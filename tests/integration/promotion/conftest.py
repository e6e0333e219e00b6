"""Two real MLflow servers with passwords, a faulty proxy in front of each, and a promotion."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from mlflow import MlflowClient

from crosscloud_mnist.bundle import Bundle, Verifier, write
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter, end_all
from crosscloud_mnist.pipelines import register_remote
from crosscloud_mnist.pipelines.register_remote.parameters import RegisterRemoteParameters
from crosscloud_mnist.pipelines.register_remote.records import RegisteredModel
from crosscloud_mnist.promotion import ProductionModel
from rehearsal.mlflow_servers import Server
from rehearsal.mnist_contract import mnist_contract
from tests.integration.faulty_proxy import FaultyProxy

ADAPTER = "crosscloud_mnist.adapters.mlflow.registry.MlflowRegistry"
_counter = itertools.count()


@pytest.fixture(scope="package")
def open_proxies(servers) -> Iterator[tuple[FaultyProxy, FaultyProxy]]:
    proxies = tuple(FaultyProxy(server.address) for server in servers)
    listeners = [proxy.open() for proxy in proxies]
    yield proxies
    end_all()
    for listener in listeners:
        listener.shutdown()


@dataclass
class Promotion:
    """One registered model of its own, and bundles to promote under its name."""

    servers: tuple[Server, Server]
    proxies: tuple[FaultyProxy, FaultyProxy]
    verifier: Verifier
    folder: Path
    name: str
    make: Callable[..., Bundle]
    make_parameters: Callable[..., RegisterRemoteParameters]

    def registry(self, which: int, **credentials: str) -> Any:
        """The workspace (0 the sandbox, 1 production) through its proxy, in its own process."""
        options = {"uri": self.proxies[which].uri, "experiment": "mnist"}
        return IsolatedAdapter(ADAPTER, options, {**self.servers[which].credentials, **credentials})

    @property
    def target(self) -> Any:
        return self.registry(1)

    def client(self, which: int) -> MlflowClient:
        """A client that asks the server directly, to look at what is stored."""
        import os

        os.environ.update(self.servers[which].credentials)
        address = self.servers[which].address
        return MlflowClient(tracking_uri=address, registry_uri=address)

    def log(self, bundle: Bundle) -> str:
        client = self.client(0)
        experiment = client.get_experiment_by_name("mnist")
        if experiment:
            experiment_id = experiment.experiment_id
        else:
            experiment_id = client.create_experiment("mnist")
        run_id = client.create_run(experiment_id).info.run_id
        uri: str = self.registry(0).log_model(
            bundle.folder, run_id=run_id, digest=bundle.digest, tags={}, params={}
        )
        return uri

    def parameters(self, **changed: Any) -> RegisterRemoteParameters:
        return self.make_parameters(self.folder / "bundle_cache", **changed)

    def promote(
        self,
        uri: str,
        *,
        source: Any = None,
        target: Any = None,
        verifier: Verifier | None = None,
        **changed: Any,
    ) -> RegisteredModel:
        inputs = {
            "source_registry": source or self.registry(0),
            "target_registry": target or self.target,
            "verifier": verifier or self.verifier,
            "model_uri": uri,
            "params:production": ProductionModel(self.name, "champion"),
            "params:register_remote": self.parameters(**changed),
            "params:contract": mnist_contract(),
        }
        memory = {name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()}
        outputs = SequentialRunner().run(register_remote.create_pipeline(), DataCatalog(memory))
        registered: RegisteredModel = outputs["registered_model"].load()
        return registered

    def versions(self) -> list[Any]:
        return list(self.client(1).search_model_versions(f"name = '{self.name}'"))

    def production(self) -> str | None:
        version = self.target.get_version_by_alias(self.name, "champion")
        return version and version.version


@pytest.fixture
def promotion(
    servers,
    open_proxies,
    tiny_contents,
    signer,
    verifier,
    register_remote_parameters,
    tmp_path,
    monkeypatch,
) -> Iterator[Promotion]:
    number = next(_counter)
    for variable in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(variable, "set by a test below")  # so that it is restored

    def make(name: str, *, wrong: int = 7) -> Bundle:
        predicted = tiny_contents.test_predictions.labels.copy()
        predicted[:wrong] = (predicted[:wrong] + 1) % 10
        answers = replace(tiny_contents.test_predictions, predicted=predicted)
        contents = replace(
            tiny_contents, keras=f"{name} {number}".encode(), test_predictions=answers
        )
        return write(contents, tmp_path / name / "bundle", signer)

    yield Promotion(
        servers,
        open_proxies,
        verifier,
        tmp_path,
        f"mnist_cnn_{number}",
        make,
        register_remote_parameters,
    )
    for proxy in open_proxies:
        proxy.reset()
