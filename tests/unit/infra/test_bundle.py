"""The jobs of the bundle: loaded for every target, and their parameters accepted by the package."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from databricks.bundles.core import Bundle
from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project, pipelines

FOLDER = Path(__file__).parents[3] / "infra" / "bundle"
TARGETS = ("azure", "staging", "gcp")
SECRET = re.compile(
    r"dapi[0-9a-f]{8}|-----BEGIN|eyJ[\w-]{10}|(?i:password|client_secret)\s*[:=]\s*\w"
)


@pytest.fixture(params=TARGETS)
def jobs(request, monkeypatch) -> dict[str, dict[str, Any]]:
    monkeypatch.syspath_prepend(str(FOLDER))
    from jobs import load_resources

    loaded = load_resources(Bundle(target=request.param)).jobs
    return {name: job.as_dict() for name, job in loaded.items()}


def tasks(jobs):
    return [(name, task) for name, job in jobs.items() for task in job["tasks"]]


def test_the_jobs_of_a_team_are_there_and_no_endpoint(jobs):
    assert set(jobs) == {"train", "train_gpu", "release", "rollback", "batch_score", "monitor"}
    assert [task["task_key"] for task in jobs["release"]["tasks"]] == [
        "register_remote",
        "deploy",
        "smoke_test",
    ]
    for job in jobs.values():
        assert job["max_concurrent_runs"] == 1
        assert job["queue"] == {"enabled": True}
        assert job["run_as"]
        assert job["email_notifications"]["on_failure"]
    assert "model_serving_endpoints" not in (FOLDER / "databricks.yml").read_text()


def test_every_task_is_a_command_that_the_package_accepts(jobs):
    configure_project("crosscloud_mnist")
    command = find_run_command("crosscloud_mnist")
    for name, task in tasks(jobs):
        wheel = task["python_wheel_task"]
        arguments = [
            # The service puts the values in before the command starts.
            re.sub(r"\{\{job\.parameters\.\w+\}\}", "value", value).replace(
                "${workspace.file_path}", str(FOLDER.parents[1])
            )
            for value in wheel["parameters"]
        ]
        parsed = command.make_context("run", list(arguments)).params
        assert set(parsed["pipelines"]) <= set(pipelines), name
        assert (wheel["package_name"], wheel["entry_point"]) == (
            "crosscloud_mnist",
            "crosscloud-mnist",
        )
        assert task["timeout_seconds"] > 0


def test_every_task_installs_the_wheel_and_the_packages_of_its_extras(jobs):
    for name, task in tasks(jobs):
        mlflow, wheel, *packages = task["libraries"]
        assert mlflow == {"pypi": {"package": "mlflow==${var.mlflow_version}"}}
        assert wheel == {"whl": "../../dist/*.whl"}
        names = {re.split("[<>=]", each["pypi"]["package"])[0] for each in packages}
        assert {"boto3", "google-cloud-storage", "azure-storage-file-datalake"} <= names
        assert ("tensorflow" in names) == name.startswith("train")


def test_the_mlflow_that_is_installed_is_that_of_the_runtime():
    variables = yaml.safe_load((FOLDER / "databricks.yml").read_text())["variables"]
    runtime = (FOLDER.parents[1] / "tests" / "runtimes" / "18-lts.txt").read_text().splitlines()
    assert f"mlflow-skinny=={variables['mlflow_version']['default']}" in runtime
    assert variables["spark_version"]["default"].startswith("18.")


def test_every_cluster_is_given_the_commit_of_the_code(jobs):
    for job in jobs.values():
        (cluster,) = (each["new_cluster"] for each in job["job_clusters"])
        assert cluster["spark_env_vars"]["GIT_COMMIT"] == "${bundle.git.commit}"


def test_training_clusters_are_dedicated_and_of_fixed_size(jobs):
    for name, job in jobs.items():
        (cluster,) = (each["new_cluster"] for each in job["job_clusters"])
        assert cluster["data_security_mode"] == "DATA_SECURITY_MODE_DEDICATED", name
        assert "autoscale" not in cluster
        assert cluster["spark_conf"]["spark.dynamicAllocation.enabled"] == "false"
        holds_key = "MNIST_SIGNING_KEY" in cluster["spark_env_vars"]
        assert holds_key == name.startswith("train")


def test_every_variable_and_file_of_the_bundle_exists(jobs):
    content = yaml.safe_load((FOLDER / "databricks.yml").read_text())
    used = set(re.findall(r"\$\{var\.(\w+)\}", str(jobs)))
    assert used <= set(content["variables"])
    assert set(content["targets"]) == set(TARGETS)
    for path in content["sync"]["paths"]:
        assert (FOLDER / path).is_dir()
    assert (FOLDER / content["artifacts"]["wheel"]["path"] / "pyproject.toml").is_file()
    for target in content["targets"].values():
        assert set(target["variables"]) <= set(content["variables"])


def test_no_secret_stands_in_the_bundle():
    for path in FOLDER.rglob("*"):
        if path.suffix in (".py", ".yml"):
            assert not SECRET.search(path.read_text()), path
    assert "jobs" not in sys.modules or FOLDER.as_posix() in str(sys.modules["jobs"].__file__)
