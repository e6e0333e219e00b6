"""The commands of docs/your-own.md: data of another kind, and a model of one's own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest

from crosscloud_mnist.adapters.local import stop
from rehearsal.processes import free_port
from rehearsal.project_copy import ProjectCopy

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "your-own.md"
CLASSES = ["apple", "lemon", "plum"]


@pytest.fixture(scope="module")
def fruit(tmp_path_factory):
    """A copy of the project in which every command of the page has succeeded."""
    project = ProjectCopy.create(tmp_path_factory.mktemp("fruit"))
    shutil.copytree(PROJECT / "docs" / "your-own", project.folder / "docs" / "your-own")
    settings = project.folder / "docs" / "your-own" / "conf" / "globals.yml"
    settings.write_text(settings.read_text().replace("port: 8502", f"port: {free_port()}"))
    commands = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)).split("\n")
    try:
        for command in filter(None, commands):
            run(project, command)
        yield project
    finally:
        stop(project.data / "fruit" / "07_model_output" / "endpoint")


def run(project, command):
    program, *arguments = command.split()
    if program == "kedro":
        status, output = project.run(*arguments)
        assert status == 0, f"{command}\n{output}"
    else:
        known = {"python": sys.executable}
        words = [known.get(program, program), *arguments]
        subprocess.run(words, cwd=project.folder, check=True, timeout=60)


def read_report(project, name):
    return json.loads((project.data / "fruit" / name).read_text())


def test_data_of_another_kind_and_an_own_model_go_the_whole_way_by_configuration(fruit):
    sources = PROJECT / "src" / "crosscloud_mnist", fruit.folder / "src" / "crosscloud_mnist"
    compared = subprocess.run(
        ["diff", "-rq", "-x", "__pycache__", *sources], check=False, capture_output=True, text=True
    )
    assert compared.stdout == ""
    settings = read_report(fruit, "08_reporting/selected_settings.json")
    assert (settings["model"], settings["epochs"]) == ("own_models.small_cnn", 3)
    report = read_report(fruit, "08_reporting/smoke_test.json")
    assert report["passed"]
    assert len(report["golden"]) == 6
    assert {row["expected_class"] for row in report["images"]} == set(CLASSES)
    assert all(row["predicted_class"] == row["expected_class"] for row in report["images"])
    monitored = read_report(fruit, "08_reporting/monitor.json")
    assert monitored["passed"]
    assert monitored["log"]["images"] == len(report["golden"] + report["images"])
    assert "mean_red" in {row["statistic"] for row in monitored["inputs"]}


def test_the_table_of_predictions_names_the_classes(fruit):
    scores = pq.read_table(fruit.data / "fruit" / "07_model_output" / "scores").to_pylist()
    assert len(scores) == 3 * 16
    for row in scores:
        assert row["error"] is None
        assert f"/{row['predicted_class']}/" in row["file"]
        assert row["predicted"] == CLASSES.index(row["predicted_class"])
        assert len(row["probabilities"]) == 3


def test_the_endpoint_describes_the_contract_and_holds_its_callers_to_it(fruit):
    deployment = read_report(fruit, "07_model_output/deployment.json")
    address = deployment["endpoint"].partition("/serving-endpoints")[0]
    with httpx.Client(base_url=address, trust_env=False) as client:
        contract = client.get("/version").json()["contract"]
        assert (contract["shape"], contract["classes"]) == ([-1, 16, 20, 3], CLASSES)
        schema = client.get("/openapi.json").json()
        assert "one fruit on a table" in schema["info"]["title"]
        image = np.zeros((16, 20, 3), np.uint8)
        image[4:12, 6:14] = (230, 205, 60)
        (predicted,) = client.post("/invocations", json={"instances": [image.tolist()]}).json()[
            "predictions"
        ]
        assert len(predicted) == 3
        gray = client.post("/invocations", json={"instances": [image[..., 0].tolist()]})
        assert gray.status_code == 400
        assert "expected images [n, 16, 20, 3]" in gray.json()["message"]
        photo = next((fruit.data / "fruit" / "01_raw" / "fruit" / "test" / "plum").iterdir())
        answer = client.post(
            "/image", content=photo.read_bytes(), headers={"content-type": "image/png"}
        ).json()
        assert np.shape(answer["model_input"]) == (16, 20, 3)
        assert np.argmax(answer["probabilities"]) == CLASSES.index("plum")
        assert 'class="plum"' in client.get("/metrics").text
