"""The shipped conf: every environment resolves, and says in one line what it lacks."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kedro.io import DataCatalog, DatasetError
from omegaconf import OmegaConf

from crosscloud_mnist.hooks.configuration import CachingConfigLoader
from crosscloud_mnist.hooks.parameters import check_parameters
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


def load(environment: str, **parameters: object) -> CachingConfigLoader:
    loader = CachingConfigLoader(
        str(PROJECT / "conf"), env=environment, runtime_params=parameters, **CONFIG_LOADER_ARGS
    )
    loader.config_patterns["mlflow"] = ["mlflow*"]
    return loader


@pytest.mark.parametrize("environment", ["base", "azure", "staging", "gcp"])
def test_every_dataset_of_every_pipeline_is_in_the_catalog(environment, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    loader = load(environment)
    catalog = DataCatalog.from_config(loader["catalog"], credentials=loader["credentials"])
    ports = ("datasets.port", "datasets.checkers")  # they hold no data, so they have no layer
    for name in catalog.keys():  # noqa: SIM118  a catalog is no dictionary
        module = type(catalog[name]).__module__
        assert catalog[name].metadata is not None or module.endswith(ports), name
    inputs = {name for pipeline in register_pipelines().values() for name in pipeline.inputs()}
    data = {name for name in inputs if not name.startswith("params:")}
    assert data <= set(catalog.keys())
    for name in inputs - data:
        assert OmegaConf.select(OmegaConf.create(loader["parameters"]), name[7:]) is not None


@pytest.mark.parametrize(("given", "slots"), [(None, 2), ("3", 3)])
@pytest.mark.parametrize("environment", ["azure", "staging", "gcp"])
def test_the_slots_of_a_cloud_are_a_number(environment, given, slots, monkeypatch):
    for name, value in {**SECRETS, **({"MNIST_SLOTS": given} if given else {})}.items():
        monkeypatch.setenv(name, value)
    catalog = load(environment)["catalog"]
    assert [catalog[name]["options"]["slots"] for name in ("launcher", "scorer")] == [slots, slots]


def test_no_layer_follows_a_later_one_so_that_kedro_viz_draws_them():
    catalog = load("base")["catalog"]
    layers = {
        name.split("@")[0]: entry.get("metadata", {}).get("kedro-viz", {}).get("layer")
        for name, entry in catalog.items()
    }
    order = ["raw", "model_input", "models", "model_output", "reporting"]
    backwards = [
        (name, later)
        for pipeline in register_pipelines().values()
        for name in pipeline.datasets()
        for later in pipeline.from_inputs(name).all_outputs()
        if (first := layers.get(name.split("@")[0]))
        and (second := layers.get(later.split("@")[0]))
        and order.index(first) > order.index(second)
    ]
    assert backwards == []


def test_staging_shares_no_model_experiment_endpoint_or_storage_with_production(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    staging, production = load("staging")["globals"], load("gcp")["globals"]
    own = ("storage", "experiment", "model_name", "inference_log")
    assert all(staging[name] != production[name] for name in own)
    assert staging["endpoint"]["name"] != production["endpoint"]["name"]
    assert staging["minimum_accuracy"] == production["minimum_accuracy"]


@pytest.mark.parametrize("environment", ["azure", "gcp"])
def test_production_asks_for_the_approval_that_a_variable_names(environment, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    assert load(environment)["parameters"]["register_remote"]["approval_tag"] is None
    monkeypatch.setenv("MNIST_APPROVAL_TAG", "approved_by")
    assert load(environment)["parameters"]["register_remote"]["approval_tag"] == "approved_by"


def test_no_secret_stands_in_the_conf():
    for path in (PROJECT / "conf").glob("[!l]*/**/*.yml"):
        for line in path.read_text().splitlines():
            if "token" in line.lower() and ":" in line.split("#")[0]:
                assert "${oc.env:" in line, f"{path}: {line}"


@pytest.mark.parametrize(
    ("environment", "tracking", "registry"),
    [
        ("azure", "databricks", "databricks-uc://data_masters_gcp:data_masters_deploy"),
        ("staging", "databricks", "databricks-uc"),
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
def test_the_smoke_test_checks_production_or_all_clouds_whichever_is_production(
    environment, swapped, production, monkeypatch
):
    for name, value in {**SECRETS, **swapped}.items():
        monkeypatch.setenv(name, value)
    every = {"azure": AZURE, "gcp": GCP, environment: "databricks-uc"}

    def workspaces(**parameters: object) -> dict[str, str]:
        options = load(environment, **parameters)["catalog"]["endpoints"]["options"]
        return {cloud: each["workspace"] for cloud, each in options.items()}

    assert workspaces() == {"production": production}
    assert workspaces(clouds="all") == every


def test_a_recipe_is_chosen_and_one_of_its_values_changed_by_name():
    settings = load("base")["parameters"]["train_distributed"]["settings"]
    assert settings["model"] == "baseline"
    assert (settings["learning_rate"], settings["epochs"]) == (0.001, 50)
    assert (settings["steps_per_epoch"], settings["global_batch_size"]) == (100, 64)
    chosen = {"train_distributed": {"recipe": "compact", "settings": {"optimizer": "sgd"}}}
    settings = load("base", **chosen)["parameters"]["train_distributed"]["settings"]
    assert (settings["model"], settings["optimizer"]) == ("compact", "sgd")


@pytest.fixture
def conf(tmp_path):
    """A copy of the conf, with an empty ``local``."""
    folder = tmp_path / "conf"
    shutil.copytree(PROJECT / "conf", folder, ignore=shutil.ignore_patterns("local"))
    (folder / "local").mkdir()
    return folder


def test_local_overrides_base_where_no_environment_is_named(conf, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (conf / "local" / "parameters.yml").write_text("rollback: {reason: mine}\n")
    (conf / "local" / "globals.yml").write_text("slots: 7\n")

    def values(environment: str | None) -> tuple[str, int]:
        loader = CachingConfigLoader(str(conf), env=environment, **CONFIG_LOADER_ARGS)
        parameters, catalog = loader["parameters"], loader["catalog"]
        return parameters["rollback"]["reason"], catalog["launcher"]["options"]["slots"]

    assert values(None) == ("mine", 7)
    assert values("base") == values("azure") == values("gcp") == ("", 2)


def test_every_parameter_that_a_node_annotates_has_a_type_that_kedro_can_read(caplog):
    caplog.set_level(logging.WARNING, logger="kedro.validation")
    check_parameters(load("base"), register_pipelines())
    assert not [record.message for record in caplog.records if record.name.startswith("kedro")]


def run_kedro(
    *arguments: str, project: Path = PROJECT, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def copy_project(folder: Path) -> Path:
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    (folder / "conf" / "local").mkdir()
    shutil.copytree(PROJECT / "src", folder / "src")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def unused_project(tmp_path_factory):
    """A project in which no command has come so far as to write anything."""
    return copy_project(tmp_path_factory.mktemp("unused"))


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (
            ["--env", "azure"],
            {},
            "MNIST_VERIFYING_KEY not set, expected by --env azure; conf/azure/globals.yml says "
            "what each is",
        ),
        (
            ["--env", "azure"],
            {"MNIST_VERIFYING_KEY": "dummy-public-key"},
            "no way to sign in to the workspace was found (default auth: cannot configure default "
            "credentials; set here: none), expected one of: DATABRICKS_TOKEN;",
        ),
        (
            ["--env", "gcp"],
            {**SECRETS, "DATABRICKS_HOST": "http://127.0.0.1:9"},
            "127.0.0.1:9 does not answer",
        ),
        (
            ["--env", "prod"],
            {},
            "no environment prod, expected one of azure, base, gcp, local, staging",
        ),
        (["--runner", "FooRunner"], {}, "there is no runner FooRunner, expected one of"),
        (["--to-nodes", "decod"], {}, "there is no node decod, did you mean decode?"),
        (["--runner", "ParallelRunner"], {}, "ParallelRunner uses other threads or processes"),
        (["--async"], {}, "--async uses other threads or processes"),
        (["--params", "rollback.reason=a, limit=0.99"], {}, "there is no parameter limit"),
        (["--pipelines", "trian"], {}, "there is no pipeline trian, did you mean train?"),
        (
            ["--params", "train_distributed.recipe=nonesuch"],
            {},
            "there is no entry _recipes.nonesuch, expected one of baseline",
        ),
        (["--params", "image=folder"], {}, "there is no parameter image, did you mean images?"),
        (
            ["--params", "train_distributed.mode=fast"],
            {},
            "train_distributed.mode is 'fast': expected 'single', 'local', 'distributed' or "
            "'custom'",
        ),
        (
            ["--params", "train_distributed.settings.epochs=-1"],
            {},
            "train_distributed.settings.epochs is -1: expected greater than",
        ),
        (
            ["--params", "train_distributed.settings.epochz=3"],
            {},
            "there is no parameter train_distributed.settings.epochz, did you mean "
            "train_distributed.settings.epochs",
        ),
    ],
)
def test_a_wrong_command_ends_in_one_line_and_leaves_nothing(
    unused_project, arguments, variables, message
):
    ended = run_kedro("run", *arguments, project=unused_project, **variables)
    assert ended.returncode == 1
    (line,) = (ended.stdout + ended.stderr).splitlines()
    assert line.startswith("Error: ")
    assert message in line
    assert "dummy-token" not in line
    assert not (unused_project / "data").exists()


def test_the_installed_package_without_conf_says_where_it_is_expected(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "crosscloud_mnist", "--pipelines", "history"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        f"Error: {tmp_path}/conf does not exist, expected the conf folder of the project; name it "
        "with --conf-source\n"
    )


NODE = r"\d\d:\d\d:\d\d INFO Running node: \w+"


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["run", "--pipelines", "history"], [NODE]),
        (["run", "--pipeline", "history"], [NODE]),
        (["run", "--pipelines", "rollback"], [NODE, "Error: rollback has no reason, expected .*"]),
        (
            ["run", "--pipelines", "register_remote"],
            [NODE, r"Error: \S+model_uri.txt does not exist, expected .*"],
        ),
    ],
)
def test_the_console_shows_the_lines_of_the_product_alone(project, arguments, allowed):
    ended = run_kedro(*arguments, project=project)
    lines = (ended.stdout + ended.stderr).splitlines()
    assert lines
    assert [line for line in lines if not any(re.fullmatch(each, line) for each in allowed)] == []
    assert len([line for line in lines if line.startswith("Error: ")]) == ended.returncode


def test_help_begins_with_the_usage(project):
    ended = run_kedro("--help", project=project)
    assert ended.stdout.startswith("Usage: ")
    assert ended.stderr == ""


def test_another_logging_configuration_and_verbose_show_more(project, tmp_path):
    config = tmp_path / "logging.yml"
    console = "{console: {class: logging.StreamHandler}}"
    config.write_text(
        f"version: 1\nhandlers: {console}\nroot: {{level: INFO, handlers: [console]}}"
    )
    ended = run_kedro(
        *("run", "--pipelines", "rollback", "--verbose"),
        project=project,
        KEDRO_LOGGING_CONFIG=str(config),
    )
    assert "Kedro project crosscloud_mnist" in ended.stderr
    assert "Traceback" in ended.stderr


def test_what_a_call_to_the_jvm_raises_is_not_logged_as_well():
    code = """
import logging.config, yaml
logging.config.dictConfig(yaml.safe_load(open("conf/logging.yml")))
logging.getLogger("py4j.java_gateway").error("KeyboardInterrupt while sending command.")
logging.getLogger("another.library").error("an error")
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert "an error" in ended.stdout
    assert "KeyboardInterrupt" not in ended.stdout + ended.stderr


def test_telemetry_is_off_before_a_library_with_telemetry_is_imported():
    code = """
import os, sys
from pathlib import Path

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("mlflow", "kedro_telemetry.plugin", "onnxruntime"):
            print(name, os.environ.get("DO_NOT_TRACK"), os.environ.get("ORT_DISABLE_TELEMETRY"))

sys.meta_path.insert(0, Watch())
from kedro.framework.cli.cli import KedroCLI
KedroCLI(Path.cwd()).get_command(None, "run")
import onnxruntime
from kedro_viz.integrations.pypi import get_latest_version
print("newest version", get_latest_version())
"""
    names = ("DO_NOT_TRACK", "ORT_DISABLE_TELEMETRY")
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if name not in names},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    lines = set(ended.stdout.splitlines())
    libraries = ("mlflow", "kedro_telemetry.plugin", "onnxruntime")
    assert {f"{name} true 1" for name in libraries} | {"newest version None"} <= lines


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("endpoint: {port: 9000}", "missing required field `name`"),
        ("endpoint: {name: mnist_cnn, port: 9000}", "endpoint.folder is '', expected a path"),
        (
            "endpoint: {name: mnist_cnn, folder: data, port: '9000'}",
            "port is '9000': expected `int`",
        ),
    ],
)
def test_an_endpoint_overridden_in_part_is_one_line_that_names_what_is_missing(
    conf, override, message
):
    (conf / "laptop").mkdir()
    (conf / "laptop" / "globals.yml").write_text(override)
    loader = CachingConfigLoader(str(conf), env="laptop", **CONFIG_LOADER_ARGS)
    endpoint = DataCatalog.from_config(
        {"endpoint": loader["catalog"]["endpoint"]}, {"endpoint": {}}
    )
    with pytest.raises(DatasetError) as raised:
        endpoint.load("endpoint")
    assert message in str(raised.value.__cause__)


def test_a_changed_endpoint_and_log_are_used_by_every_pipeline(conf):
    (conf / "laptop").mkdir()
    (conf / "laptop" / "globals.yml").write_text(
        "endpoint: {name: m, port: 9000, folder: e, inference_log: {folder: elsewhere}}\n"
        "inference_log: elsewhere\n"
    )
    catalog = CachingConfigLoader(str(conf), env="laptop", **CONFIG_LOADER_ARGS)["catalog"]
    assert catalog["endpoint"]["options"]["port"] == 9000
    assert catalog["endpoints"]["options"]["local"] == catalog["endpoint"]["options"]
    assert catalog["inference_log"]["source"] == "elsewhere"
    (conf / "laptop" / "globals.yml").write_text("inference_log: elsewhere\n")
    catalog = CachingConfigLoader(str(conf), env="laptop", **CONFIG_LOADER_ARGS)["catalog"]
    assert catalog["inference_log"]["source"] == "elsewhere"
    assert catalog["endpoints"]["options"]["local"]["inference_log"]["folder"] == "elsewhere"
