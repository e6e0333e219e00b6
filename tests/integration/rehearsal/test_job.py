"""The wheel as a job's task: no project, a conf archive, an empty working directory."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from crosscloud_mnist.bundle import Signer
from rehearsal.flow import Flow
from rehearsal.job import JobEnvironment, Session
from rehearsal.volume import Volume

PROJECT = Path(__file__).parents[3]
pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def job(package, tmp_path_factory):
    environment = JobEnvironment.create(package, tmp_path_factory.mktemp("job"), has_cluster=True)
    try:
        yield environment
    finally:
        environment.stop()


@pytest.fixture(scope="module")
def flow(job, own_clouds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow")
    private, public = f"{folder}/signing.pem", f"{folder}/signing.pub"
    Signer(private, public, generate=True).check()
    variables = {"MNIST_VERIFYING_KEY": public}
    volume = Volume(folder / "storage", None)
    flow = Flow(own_clouds, volume, folder / "cache", variables, signing_key=private, job=job)
    flow.write_secrets("azure", "gcp")
    return flow


def run_task(job, *parameters: str, **variables: str) -> subprocess.CompletedProcess[str]:
    script = PROJECT / "rehearsal" / "wheel_task.py"
    return subprocess.run(
        [job.python, "-P", script, "crosscloud_mnist", "crosscloud-mnist", *parameters],
        cwd=job.working_directory("test"),
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_task_runs_in_the_environment_of_a_cloud_and_leaves_its_working_directory_empty(
    flow, capfd
):
    flow.kedro("history", "azure")
    assert list(flow.job.working_directory("azure").iterdir()) == []
    assert "Error" not in capfd.readouterr().err


def test_the_installed_wheel_knows_the_commit_that_it_was_built_from(job):
    code = "from crosscloud_mnist import source_version as s; print(s.find_commit())"
    found = subprocess.run(
        [job.python, "-c", code],
        cwd=job.working_directory("test"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert found.removesuffix("-dirty") in job.package.wheel.name
    assert found.endswith("-dirty") == (".d" in job.package.wheel.name)
    assert len(found) >= 40


def test_a_task_that_fails_names_the_reason_without_a_traceback(job):
    ended = run_task(job, "--pipelines=nonesuch", f"--conf-source={job.package.conf}")
    assert ended.returncode == 1
    assert "task failed with SystemExit: there is no pipeline nonesuch" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(job.working_directory("test").iterdir()) == []


def test_a_task_that_succeeds_does_not_exit(job):
    ended = run_task(job, "--help")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("Usage: crosscloud-mnist")
    assert ended.stderr == ""


def test_training_without_a_commit_is_rejected_in_a_cloud(flow, capfd):
    """The sources of this test may be clean: so the commit that the job is given is not."""
    with pytest.raises(Exception, match="failed with exit status 1"):
        flow.kedro("train", "azure", MNIST_SIGNING_KEY=flow.signing_key, GIT_COMMIT="unknown")
    message = "the commit of the code is unknown, expected that of clean sources"
    assert message in capfd.readouterr().err


@pytest.mark.spark
def test_training_on_a_session_that_exists_on_a_cluster(job, tmp_path):
    """In two slots, on executors that have the wheel."""
    conf = tmp_path / "conf"
    shutil.copytree(PROJECT / "conf", conf, ignore=shutil.ignore_patterns("local"))
    path = conf / "base" / "globals.yml"
    text = path.read_text().replace("${project_path:data}", f"{tmp_path}/storage")
    text = text.replace("https://", "http://127.0.0.1:9/")  # no mirror: the UCI digits
    path.write_text(text.replace("spark_master: local[2]", "spark_master: null"))
    credentials = conf / "base" / "credentials.yml"
    credentials.write_text(
        credentials.read_text().replace("${project_path:data}", f"{tmp_path}/storage")
    )
    archive = tmp_path / "conf.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        opened.add(conf, "conf")
    params = ",".join(
        f"train_distributed.{setting}"
        for setting in ("recipe=compact", "settings.epochs=2", "settings.steps_per_epoch=4")
    )
    status = job.run_task(
        "cluster",
        ["--pipelines=train", "--env=base", f"--conf-source={archive}", f"--params={params}"],
        {"TF_CPP_MIN_LOG_LEVEL": "2"},
        session=Session(is_on_cluster=True),
    )
    assert status == 0
    reports = json.loads((tmp_path / "storage/08_reporting/worker_reports.json").read_text())
    assert sorted(report["rank"] for report in reports) == [0, 1]
    assert list(job.cluster.folder.glob("work-*/app-*/*/stderr"))
    assert list(job.working_directory("cluster").iterdir()) == []
