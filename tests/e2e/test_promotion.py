"""The command line against workspaces: a wrong password, and the deprecated flag."""

from __future__ import annotations

import os
import re

import pytest

from crosscloud_mnist.storage.run_lock import RunLock

pytestmark = pytest.mark.process


def replace(path, pattern, value):
    text, count = re.subn(pattern, value, path.read_text(), flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)


def test_a_wrong_password_is_one_line(project, servers):
    conf = project.folder / "conf" / "base" / "globals.yml"
    original = conf.read_text()
    replace(conf, "^tracking_uri: .*$", f"tracking_uri: {servers[0].address}")
    wrong = {**servers[0].credentials, "MLFLOW_TRACKING_PASSWORD": "not-the-password"}
    ended = project.kedro("run", "--pipelines", "train", **wrong)
    conf.write_text(original)
    console = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "credentials" in ended.stderr
    assert "Traceback" not in console
    assert wrong["MLFLOW_TRACKING_PASSWORD"] not in console
    assert servers[0].credentials["MLFLOW_TRACKING_PASSWORD"] not in console


def test_a_second_registration_at_the_same_time_is_rejected_by_name(project):
    lock = RunLock(project.data, ["register"], "release")
    lock.acquire()
    try:
        ended = project.kedro("run", "--pipelines", "register_remote")
    finally:
        lock.release()
    assert ended.returncode == 1
    message = " ".join(ended.stderr.split())
    assert f"another run (release, process {os.getpid()} on" in message
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.slow
def test_the_deprecated_flag_pipeline_still_trains_in_an_environment(
    project, clouds, tiny_bundle, tmp_path, tmp_path_factory
):
    conf = project.folder / "conf" / "azure" / "globals.yml"
    replace(conf, "^allow_uci_fallback: false$", "allow_uci_fallback: true")
    settings = {"epochs": 1, "steps_per_epoch": 2}
    parameters = [f"train_distributed.settings.{key}={value}" for key, value in settings.items()]
    keys = tmp_path_factory.getbasetemp() / "keys"  # of the fixture ``signer``
    ended = project.kedro(
        *("run", "--pipeline", "train", "--env", "azure"),
        *("--params", ",".join(["train_distributed.mode=single", *parameters])),
        **clouds["azure"].variables(),
        GIT_COMMIT="0" * 40,
        MNIST_STORAGE=str(tmp_path),
        MNIST_SIGNING_KEY=str(keys / "signing.pem"),
        MNIST_VERIFYING_KEY=str(keys / "signing.pub"),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Logged model: models:/m-" in ended.stdout
