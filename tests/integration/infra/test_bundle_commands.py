"""The command line of the installed wheel accepts every task of the bundle, in every target."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from databricks.bundles.core import Bundle

from rehearsal.package import install_wheel

PROJECT = Path(__file__).parents[3]
BUNDLE = PROJECT / "infra" / "bundle"
VALUES = {  # of the jobs' parameters, as people enter them
    "recipe": "compact",
    "model": "models:/data_masters.staging.mnist_cnn/3",
    "images": "/Volumes/data_masters/deploy/mnist/01_raw/images",
    "require_minimum_images": "false",
    "reason": "it predicts 1 for sevens, and 3 = 8",
}
pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def python(package, tmp_path_factory):
    return install_wheel(package.wheel, tmp_path_factory.mktemp("wheel") / "environment")


def parse(python, commands):
    ended = subprocess.run(
        [python, "-P", Path(__file__).with_name("parse_commands.py")],
        input=json.dumps(commands),
        cwd=python.parents[1],  # a job's working directory is no project
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def command_of(task, parameters):
    """What ``sys.argv`` holds after the service's substitutions."""
    wheel = task["python_wheel_task"]
    assert (wheel["package_name"], wheel["entry_point"]) == ("crosscloud_mnist", "crosscloud-mnist")
    text = json.dumps(wheel["parameters"]).replace("${workspace.file_path}", str(PROJECT))
    assert set(re.findall(r"\{\{job\.parameters\.(\w+)\}\}", text)) <= parameters
    for name in parameters:
        text = text.replace(f"{{{{job.parameters.{name}}}}}", VALUES[name])
    assert not re.search(r"\$\{|\{\{", text)
    return json.loads(text)


def test_the_installed_wheel_accepts_the_command_of_every_task(python, monkeypatch):
    monkeypatch.syspath_prepend(str(BUNDLE))
    from jobs import load_resources

    commands = {}
    for target in ("azure", "staging", "gcp"):
        for name, job in load_resources(Bundle(target=target)).jobs.items():
            content = job.as_dict()
            parameters = {each["name"] for each in content.get("parameters", [])}
            for task in content["tasks"]:
                commands[target, name, task["task_key"]] = command_of(task, parameters)
    parsed = dict(zip(commands, parse(python, list(commands.values())), strict=True))
    assert len(parsed) == 3 + 2 * 8
    for (_, name, key), found in parsed.items():
        expected = {
            "train": {"train_distributed": {"recipe": VALUES["recipe"]}},
            "register_remote": {"register_remote": {"model": VALUES["model"]}},
            "batch_score": {"images": VALUES["images"]},
            "monitor": {"monitor": {"require_minimum_images": "false"}},
            "rollback": {"rollback": {"reason": VALUES["reason"]}},
        }
        assert found == {"pipelines": [key], "params": expected.get(key, {})}, name
