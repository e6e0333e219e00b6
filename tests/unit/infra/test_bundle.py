"""The jobs of the bundle, loaded for every target: complete, and allowed by the cluster policy."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml
from databricks.bundles.core import Bundle

from tests.unit.infra.hcl import evaluate, namespace

FOLDER = Path(__file__).parents[3] / "infra" / "bundle"
TARGETS = ("azure", "staging", "gcp")
SECRET = re.compile(
    r"dapi[0-9a-f]{8}|-----BEGIN|eyJ[\w-]{10}|(?i:password|client_secret)\s*[:=]\s*\w"
)


def load(target, monkeypatch) -> dict[str, dict[str, Any]]:
    monkeypatch.syspath_prepend(str(FOLDER))
    from jobs import load_resources

    loaded = load_resources(Bundle(target=target)).jobs
    return {name: job.as_dict() for name, job in loaded.items()}


@pytest.fixture(params=TARGETS)
def jobs(request, monkeypatch) -> dict[str, dict[str, Any]]:
    return load(request.param, monkeypatch)


def tasks(jobs):
    return [(name, task) for name, job in jobs.items() for task in job["tasks"]]


def test_azure_trains_and_the_others_release_and_serve(monkeypatch):
    """Nothing in azure writes to production, and only azure holds the key that signs."""
    assert set(load("azure", monkeypatch)) == {"train", "train_gpu", "doctor"}
    for target in ("staging", "gcp"):
        loaded = load(target, monkeypatch)
        assert set(loaded) == {"release", "rollback", "batch_score", "monitor", "doctor"}
        assert [task["task_key"] for task in loaded["release"]["tasks"]] == [
            "register_remote",
            "deploy",
            "smoke_test",
            "report",
        ]


def test_every_job_has_what_a_team_needs_and_none_has_an_endpoint(jobs):
    for job in jobs.values():
        assert job["max_concurrent_runs"] == 1
        assert job["queue"] == {"enabled": True}
        assert job["run_as"]
        assert job["email_notifications"]["on_failure"]
        assert job["permissions"] == [{"level": "CAN_MANAGE_RUN", "group_name": "${var.operators}"}]
        assert set(job["tags"]) == {"project", "environment"}
        assert all(task["timeout_seconds"] > 0 for task in job["tasks"])
    assert "model_serving_endpoints" not in (FOLDER / "databricks.yml").read_text()


def test_a_task_runs_again_only_where_a_second_run_is_idempotent(jobs):
    expected = {"register_remote": 1, "deploy": 1, "report": 1, "monitor": 1, "batch_score": 2}
    for _, task in tasks(jobs):
        assert task.get("max_retries", 0) == expected.get(task["task_key"], 0)


def test_doctor_runs_on_the_cluster_whose_jobs_it_is_for(jobs):
    (cluster,) = jobs["doctor"]["job_clusters"]
    assert [cluster] == jobs["train" if "train" in jobs else "release"]["job_clusters"]
    environment = cluster["new_cluster"]["spark_env_vars"]
    assert environment["MNIST_SCRATCH_MODEL"] == "${var.scratch_model}"


def test_schedules_run_in_production_alone(monkeypatch):
    jobs = load("gcp", monkeypatch)
    scheduled = {name: job["schedule"] for name, job in jobs.items() if "schedule" in job}
    assert set(scheduled) == {"batch_score", "monitor"}
    assert {each["pause_status"] for each in scheduled.values()} == {"${var.schedules}"}
    content = yaml.safe_load((FOLDER / "databricks.yml").read_text())
    assert content["variables"]["schedules"]["default"] == "PAUSED"
    targets = content["targets"].items()
    assert {name: target["variables"].get("schedules") for name, target in targets} == {
        "azure": None,
        "staging": None,
        "gcp": "UNPAUSED",
    }


def test_production_takes_only_what_a_person_approved_in_staging():
    content = yaml.safe_load((FOLDER / "databricks.yml").read_text())
    variables = {name: target["variables"] for name, target in content["targets"].items()}
    assert variables["gcp"]["approval_tag"] == "approved_by"
    approval = (FOLDER.parent / "terraform" / "approval.tf").read_text()
    assert re.findall(r'tag_key *= "(.+)"', approval) == ["approved_by"]
    assert variables["gcp"]["source"] == "databricks-uc"  # the metastore that staging shares


def test_every_task_installs_the_wheel_and_the_packages_of_its_extras(jobs):
    for name, task in tasks(jobs):
        mlflow, wheel, *packages = task["libraries"]
        assert mlflow == {"pypi": {"package": "mlflow==${var.mlflow_version}"}}
        assert wheel == {"whl": "../../dist/*.whl"}
        names = {re.split("[<>=]", each["pypi"]["package"])[0] for each in packages}
        assert {"boto3", "google-cloud-storage", "azure-storage-file-datalake"} <= names
        assert ("tensorflow" in names) == ("train" in jobs), name


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
        assert cluster["data_security_mode"] == "SINGLE_USER", name  # Dedicated, see cluster()
        assert "autoscale" not in cluster
        assert cluster["spark_conf"]["spark.dynamicAllocation.enabled"] == "false"
        holds_key = "MNIST_SIGNING_KEY" in cluster["spark_env_vars"]
        assert holds_key == ("train" in jobs)


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


@pytest.mark.parametrize("target", TARGETS)
def test_the_cluster_policy_allows_every_cluster(target, monkeypatch):
    """Both have the values of one workspace: the target's in the bundle, and its tfvars."""
    content = yaml.safe_load((FOLDER / "databricks.yml").read_text())
    defaults = {name: each.get("default") for name, each in content["variables"].items()}
    variables = {**defaults, **content["targets"][target]["variables"]}
    policy = read_policy(target)
    for name, job in load(target, monkeypatch).items():
        (cluster,) = (each["new_cluster"] for each in job["job_clusters"])
        assert cluster["policy_id"] == "${var.policy_id}"
        for path, rule in policy.items():
            if path != "cluster_type":  # of a job, by where it stands
                value = find_value(cluster, path, variables)
                assert is_allowed(rule, value), f"{name}: {path} is {value}, expected {rule}"


def read_policy(target):
    terraform = FOLDER.parent / "terraform"
    given = evaluate(hcl2.loads((terraform / f"{target}.tfvars").read_text()), {})
    declared = hcl2.loads((terraform / "variables.tf").read_text())["variable"]
    defaults = {
        name.strip('"'): body["default"]
        for entry in declared
        for name, body in entry.items()
        if isinstance(body, dict) and isinstance(body.get("default"), int)
    }
    (local,) = hcl2.loads((terraform / "compute.tf").read_text())["locals"]
    return evaluate(local["job_policy"], {"var": namespace({**defaults, **given})})


def find_value(cluster, path, variables):
    section, _, key = path.partition(".")
    value = cluster[section][key] if key else cluster[section]
    found = re.fullmatch(r"\$\{var\.(\w+)\}", str(value))
    return variables[found[1]] if found else value


def is_allowed(rule, value):
    if rule["type"] == "fixed":
        return value == rule["value"]
    if rule["type"] == "allowlist":
        return value in rule["values"]
    if rule["type"] == "range":
        return 0 <= value <= rule["maxValue"]
    return re.fullmatch(rule["pattern"], value) is not None


def test_no_secret_stands_in_the_bundle():
    for path in FOLDER.rglob("*"):
        if path.suffix in (".py", ".yml"):
            assert not SECRET.search(path.read_text()), path
    assert "jobs" not in sys.modules or FOLDER.as_posix() in str(sys.modules["jobs"].__file__)
