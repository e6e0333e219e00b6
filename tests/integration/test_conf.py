"""The shipped conf: every environment resolves, and says in one line what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from omegaconf import OmegaConf

from crosscloud_mnist.pipeline_registry import register_pipelines
from crosscloud_mnist.settings import CONFIG_LOADER_ARGS

PROJECT = Path(__file__).parents[2]
SECRETS = {
    "DATABRICKS_HOST": "https://adb-1.azuredatabricks.net",
    "DATABRICKS_TOKEN": "dummy-token",
    "MNIST_SIGNING_KEY": "dummy-private-key",
    "MNIST_VERIFYING_KEY": "dummy-public-key",
}
AZURE = "databricks-uc://data_masters_azure:data_masters_train"
GCP = "databricks-uc://data_masters_gcp:data_masters_deploy"


def load(environment: str, **parameters: object) -> OmegaConfigLoader:
    loader = OmegaConfigLoader(
        str(PROJECT / "conf"), env=environment, runtime_params=parameters, **CONFIG_LOADER_ARGS
    )
    loader.config_patterns["mlflow"] = ["mlflow*"]
    return loader


@pytest.mark.parametrize("environment", ["base", "azure", "gcp"])
def test_every_dataset_of_every_pipeline_is_in_the_catalog(environment, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    loader = load(environment)
    catalog = DataCatalog.from_config(loader["catalog"], credentials=loader["credentials"])
    for name in catalog.keys():  # noqa: SIM118  a catalog is no dictionary
        assert catalog[name].metadata is not None or "port" in type(catalog[name]).__module__
    inputs = {name for pipeline in register_pipelines().values() for name in pipeline.inputs()}
    data = {name for name in inputs if not name.startswith("params:")}
    assert data <= set(catalog.keys())
    for name in inputs - data:
        assert OmegaConf.select(OmegaConf.create(loader["parameters"]), name[7:]) is not None


def test_no_secret_stands_in_the_conf():
    for path in (PROJECT / "conf").glob("[!l]*/*.yml"):
        for line in path.read_text().splitlines():
            if "token" in line.lower() and ":" in line.split("#")[0]:
                assert "${oc.env:" in line, f"{path}: {line}"


@pytest.mark.parametrize(
    ("environment", "tracking", "registry"),
    [
        ("azure", "databricks", "databricks-uc://data_masters_gcp:data_masters_deploy"),
        ("gcp", "databricks", "databricks-uc"),
    ],
)
def test_an_environment_switches_tracking_and_registry(
    environment, tracking, registry, monkeypatch
):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    server = load(environment)["mlflow"]["server"]
    assert (server["mlflow_tracking_uri"], server["mlflow_registry_uri"]) == (tracking, registry)


@pytest.mark.parametrize(
    ("environment", "swapped", "production"),
    [
        ("azure", {}, GCP),
        ("azure", {"MNIST_SOURCE": GCP, "MNIST_TARGET": "databricks-uc"}, "databricks-uc"),
        ("gcp", {}, "databricks-uc"),
        ("gcp", {"MNIST_SOURCE": "databricks", "MNIST_TARGET": AZURE}, AZURE),
    ],
)
def test_one_cloud_is_proved_or_both_whichever_is_production(
    environment, swapped, production, monkeypatch
):
    for name, value in {**SECRETS, **swapped}.items():
        monkeypatch.setenv(name, value)
    both = {"azure": AZURE, "gcp": GCP, environment: "databricks-uc"}

    def proved(**parameters: object) -> dict[str, str]:
        options = load(environment, **parameters)["catalog"]["endpoints"]["options"]
        return {cloud: each["workspace"] for cloud, each in options.items()}

    assert proved() == {"production": production}
    assert proved(clouds="both") == both


def test_a_recipe_is_chosen_and_one_of_its_values_changed_by_name():
    settings = load("base")["parameters"]["train_distributed"]["settings"]
    assert settings["model"] == "baseline"
    assert (settings["learning_rate"], settings["epochs"]) == (0.001, 50)
    assert (settings["steps_per_epoch"], settings["batch"]) == (100, 64)
    chosen = {"train_distributed": {"recipe": "compact", "settings": {"optimizer": "sgd"}}}
    settings = load("base", **chosen)["parameters"]["train_distributed"]["settings"]
    assert (settings["model"], settings["optimizer"]) == ("compact", "sgd")


def run_kedro(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return subprocess.run(
        [sys.executable, "-m", "kedro", "run", *arguments],
        cwd=PROJECT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (
            ["--env", "azure"],
            {},
            "DATABRICKS_HOST, DATABRICKS_TOKEN or DATABRICKS_CLIENT_SECRET, "
            "MNIST_VERIFYING_KEY not set, "
            "expected by --env azure; conf/azure/globals.yml says what each is",
        ),
        (
            ["--env", "gcp"],
            {**SECRETS, "DATABRICKS_HOST": "http://127.0.0.1:9"},
            "127.0.0.1:9 does not answer",
        ),
        (
            ["--params", "train_distributed.recipe=nonesuch"],
            {},
            "cannot be resolved: Interpolation key '_recipes.nonesuch' not found",
        ),
    ],
)
def test_the_command_line_says_in_one_line_what_is_missing(arguments, variables, said):
    ended = run_kedro(*arguments, **variables)
    assert ended.returncode == 1
    assert said in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr + ended.stdout
    assert "dummy-token" not in ended.stderr + ended.stdout


def test_nothing_is_told_to_the_makers_of_mlflow_and_kedro():
    """What MLflow reads when it is imported stands by then, though a plugin imports it."""
    code = """
import os, sys
from pathlib import Path

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("mlflow", "kedro_telemetry.plugin"):
            print(name, os.environ.get("DO_NOT_TRACK"))

sys.meta_path.insert(0, Watch())
from kedro.framework.cli.cli import KedroCLI
KedroCLI(Path.cwd()).get_command(None, "run")
"""
    environment = {name: value for name, value in os.environ.items() if name != "DO_NOT_TRACK"}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert {"mlflow true", "kedro_telemetry.plugin true"} <= set(ended.stdout.splitlines())
