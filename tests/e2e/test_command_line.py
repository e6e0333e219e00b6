"""What a user types, in a project of its own: train, register twice, deploy, smoke-test, look."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.wait import WebDriverWait

from documentation.kedro_viz_site import build_site, draw, serve
from tests.accessibility import find_grave_violations

SHORT = "train_distributed.mode=single,train_distributed.settings.epochs=3"


@pytest.fixture(scope="module")
def trained(project):
    return project.run("train", "--params", SHORT)


@pytest.fixture(scope="module")
def released(project, trained):
    return project.run("release", "--params", "register_remote.minimum_accuracy=0.5")


def test_train_tracks_every_epoch_and_logs_a_signed_bundle(project, trained):
    uri = (project.data / "06_models" / "model_uri.txt").read_text().strip()
    assert f"Logged model: {uri}" in trained
    assert "Rank 0: shards 0, 1, 2, 3, 4, 5, 6, 7" in trained
    assert "MNIST IS NOT AVAILABLE" in trained
    client = project.client("sandbox")
    (experiment,) = (e for e in client.search_experiments() if e.name == "crosscloud-mnist")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "images_per_second"):
        history = client.get_metric_history(run.info.run_id, name)
        assert [metric.step for metric in history] == [1, 2, 3]
    assert run.data.params["train_distributed.settings.optimizer"] == "adam"
    assert run.data.tags["dataset"] == "uci-digits"
    assert len(run.data.tags["dataset_digest"]) == 64
    assert [each.dataset.name for each in run.inputs.dataset_inputs] == ["uci-digits"]
    artifacts = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert artifacts >= {"learning_curves.png", "confusion_matrix.png", "model_summary.json"}
    evaluation = project.report("08_reporting/evaluation.json")
    assert run.data.metrics["test_accuracy"] == evaluation["test_accuracy"] > 0.5
    (model,) = client.search_logged_models([experiment.experiment_id])
    assert (f"models:/{model.model_id}", model.source_run_id) == (uri, run.info.run_id)


def test_release_registers_deploys_and_proves(project, released):
    registered = project.report("07_model_output/registered_model.json")
    deployment = project.report("07_model_output/deployment.json")
    assert f"Registered version: mnist_cnn {registered['version']} in" in released
    assert f"Endpoint: {deployment['endpoint']} serves mnist_cnn 1" in released
    report = project.report("08_reporting/smoke_test.json")
    assert report["passed"]
    assert report["model_version"] == deployment["model_version"] == "1"
    assert [row["file"] for row in report["images"]] == ["stroke-1.png"]
    assert len(report["golden"]) == 20
    assert "stroke-1.png" in released


@pytest.fixture(scope="module")
def report_page(project, released):
    (page,) = (project.data / "08_reporting" / "releases").glob("mnist_cnn-1-*.html")
    return page


def test_the_report_is_logged_and_linked_from_the_version_and_the_endpoint(
    project, released, report_page
):
    published = project.report("08_reporting/report.json")
    assert published["file"] == report_page.name
    assert f"Report of mnist_cnn 1: 08_reporting/releases/{report_page.name}" in released
    client = project.client("production")
    version = client.get_model_version("mnist_cnn", "1")
    assert version.tags["report"] == published["run"]
    run_id = published["run"].rpartition("/")[2]
    assert client.get_run(run_id).info.status == "FINISHED"
    assert [file.path for file in client.list_artifacts(run_id)] == ["report.html"]
    endpoint = project.report("07_model_output/deployment.json")["endpoint"]
    live = httpx.URL(endpoint).copy_with(raw_path=b"/report")
    assert httpx.get(live).text == report_page.read_text(encoding="utf-8")


@pytest.mark.browser
def test_the_report_opens_without_a_request_in_two_languages_and_axe_finds_nothing_serious(
    browser, report_page
):
    browser.get(report_page.as_uri())
    loaded = browser.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert [name for name in loaded if not name.startswith("data:")] == []
    assert browser.execute_script(
        "return [...document.images].every(image => image.complete && image.naturalWidth)"
    )
    assert browser.get_log("browser") == []
    for language, shown, hidden in (
        ("en", "Intended use", "Uso pretendido"),
        ("pt", "Uso pretendido", "Intended use"),
    ):
        browser.find_element("id", language).click()
        text = browser.find_element("tag name", "body").text
        assert shown in text
        assert hidden not in text
        assert find_grave_violations(browser) == []


@pytest.mark.browser
def test_the_page_opens_its_report_in_the_language_of_the_browser(project, report_page, browser):
    endpoint = project.report("07_model_output/deployment.json")["endpoint"]
    agent = browser.execute_script("return navigator.userAgent")
    override = {"userAgent": agent, "acceptLanguage": "pt-BR"}
    browser.execute_cdp_cmd("Network.setUserAgentOverride", override)
    try:
        browser.get(str(httpx.URL(endpoint).copy_with(raw_path=b"/")))
        wait = WebDriverWait(browser, 10)
        wait.until(expected.element_to_be_clickable(("id", "report"))).click()
        text = wait.until(expected.presence_of_element_located(("id", "content"))).text
    finally:
        browser.execute_cdp_cmd("Network.setUserAgentOverride", {"userAgent": agent})
    assert "Uso pretendido" in text
    assert "Intended use" not in text


def test_curl_gets_ten_probabilities(project, released):
    endpoint = project.report("07_model_output/deployment.json")["endpoint"]
    image = np.zeros((28, 28), int)
    image[4:24, 13:15] = 255
    answer = httpx.post(endpoint, json={"instances": [image.tolist()]}).json()
    (probabilities,) = answer["predictions"]
    assert len(probabilities) == 10
    assert np.argmax(probabilities) == 1


def test_registering_again_makes_no_second_version(project, released):
    said = project.run("register_remote", "--params", "register_remote.minimum_accuracy=0.5")
    assert "already registered there" in said
    assert len(project.client("production").search_model_versions()) == 1


def test_a_wrong_and_an_unreadable_image_fail_the_smoke_test_by_name(project, released, tmp_path):
    shutil.copy(project.data / "01_raw/images/stroke-1.png", tmp_path / "stroke-7.png")
    (tmp_path / "torn-3.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    ended = project.kedro("run", "--pipelines", "smoke_test", "--params", f"images={tmp_path}")
    assert ended.returncode == 1
    last = " ".join(ended.stderr.split())
    assert "stroke-7.png was predicted as 1, expected 7" in last
    assert "torn-3.png cannot be opened" in last
    assert "Traceback" not in ended.stderr + ended.stdout
    report = project.report("08_reporting/smoke_test.json")
    assert not report["passed"]
    assert [row["expected"] for row in report["images"]] == [7, 3]


def test_batch_score_scores_every_file_of_a_folder(project, released, tmp_path):
    for digit in "147":
        shutil.copy(project.data / "01_raw/images/stroke-1.png", tmp_path / f"{digit}.png")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    output = project.run("batch_score", "--params", f"images={tmp_path}")
    assert "Chunk 1 of 1: 4 of 4 images, 1 unreadable" in output
    assert "Scored 4 images (1 unreadable) with mnist_cnn 1" in output
    rows = pq.read_table(project.data / "07_model_output" / "scores").to_pylist()
    named = {Path(row["file"]).name: row["predicted"] for row in rows}
    assert named == {"1.png": 1, "4.png": 1, "7.png": 1, "torn.png": None}
    ended = project.kedro("run", "--pipelines", "batch_score", "--params", "images=no/where")
    assert ended.returncode == 1
    assert "no/where cannot be opened" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr + ended.stdout


def test_monitor_reads_what_the_endpoint_logged_and_says_what_drifted(project, released, digits):
    endpoint = project.report("07_model_output/deployment.json")["endpoint"]
    images = digits["t10k-images-idx3-ubyte"]

    def send(images: np.ndarray) -> None:
        for start in range(0, len(images), 8):
            sent = httpx.post(endpoint, json={"instances": images[start : start + 8].tolist()})
            assert sent.status_code == 200

    send(images)
    assert "Monitor of" in project.run("monitor")
    assert project.report("08_reporting/monitor.json")["passed"]
    send(255 - images)
    ended = project.kedro("run", "--pipelines", "monitor")
    assert ended.returncode == 1
    assert "inputs drifted: " in ended.stderr
    assert "mean_intensity (PSI" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr + ended.stdout
    report = project.report("08_reporting/monitor.json")
    assert not report["passed"]
    assert (project.data / "08_reporting" / "monitor.png").is_file()


def test_a_broken_file_is_one_line_and_leaves_no_half_output(project, trained, tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(bytes(100))
    before = {
        path: path.stat().st_mtime_ns for path in (project.data / "05_model_input").rglob("*")
    }
    ended = project.kedro("run", "--pipelines", "train", MNIST_DIR=str(tmp_path))
    assert ended.returncode == 1
    assert "train-images-idx3-ubyte: starts with 00 00 00 00" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    after = {path: path.stat().st_mtime_ns for path in (project.data / "05_model_input").rglob("*")}
    assert before == after
    client = project.client("sandbox")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert {run.info.status for run in runs} == {"FINISHED", "FAILED"}


@pytest.fixture(scope="module")
def second(project, released, digits, tmp_path_factory):
    """What the release of a second model printed, trained on Kaggle's train.csv for one epoch."""
    folder = tmp_path_factory.mktemp("digit-recognizer")
    images = np.concatenate([digits[f"{half}-images-idx3-ubyte"] for half in ("train", "t10k")])
    labels = np.concatenate([digits[f"{half}-labels-idx1-ubyte"] for half in ("train", "t10k")])
    rows = np.column_stack([labels, images.reshape(len(images), -1)])
    header = ",".join(["label", *(f"pixel{index}" for index in range(28 * 28))])
    np.savetxt(folder / "train.csv", rows, "%d", delimiter=",", header=header, comments="")
    short = "train_distributed.mode=single,train_distributed.settings.epochs=1"
    ended = project.kedro("run", "--pipelines", "train", "--params", short, MNIST_DIR=str(folder))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return project.run("release", "--params", "register_remote.minimum_accuracy=0.5")


def test_what_is_not_mnist_has_its_own_name_and_digest(project, second):
    card = project.report("08_reporting/data_card.json")
    assert card["dataset"] == "kaggle-digit-recognizer"
    assert card["splits"]["test"]["images"] == 257  # of 1,797
    (run,) = (
        run for run in project.runs("sandbox") if run.data.tags.get("dataset") == card["dataset"]
    )
    assert run.data.tags["dataset_digest"] == card["dataset_digest"]


def test_rollback_restores_registry_and_endpoint_and_tells_the_history(project, second):
    assert "Registered version: mnist_cnn 2 in" in second
    ended = project.kedro("run", "--pipelines", "rollback")
    assert ended.returncode == 1
    assert "rollback has no reason, expected why production is changed" in ended.stderr
    said = project.run("rollback", "--params", "rollback.reason=it takes sevens for ones")
    assert "Rolled back: mnist_cnn 2 to 1 in" in said
    version = project.client("production").get_model_version_by_alias("mnist_cnn", "champion")
    assert str(version.version) == "1"
    deployment = project.report("07_model_output/deployment.json")
    live = httpx.get(deployment["endpoint"].rpartition("/serving-endpoints/")[0] + "/version")
    assert live.json()["version"] == deployment["model_version"] == "1"
    history = project.report("08_reporting/ledger.json")
    assert [
        (entry["action"], entry["version"], entry["previous_version"]) for entry in history
    ] == [
        ("promoted", "1", ""),
        ("promoted", "2", "1"),
        ("rolled back", "1", "2"),
    ]
    assert history[-1]["reason"] == "it takes sevens for ones"
    assert all(entry["completed"] for entry in history)


@pytest.mark.browser
def test_kedro_viz_draws_it(project, tmp_path):
    site = build_site(project.folder)
    with serve(site) as address:
        draw(address, "train", tmp_path / "train.png")
    picture = Image.open(tmp_path / "train.png")
    assert picture.height > picture.width > 600  # from raw, at the top, to reporting
    drawn = json.loads((site / "api" / "main").read_text())
    assert drawn["layers"] == ["raw", "model_input", "models", "model_output", "reporting"]
    nodes = drawn["nodes"]
    layers = {node["name"]: node.get("layer") for node in nodes if node["type"] == "data"}
    assert layers["bundle"] == "models"
    assert layers["learning_curves"] == "reporting"
    previews = read_previews(site, nodes)
    assert previews["learning_curves"]["preview_type"] == "ImagePreview"
    summary = json.loads(previews["model_summary"]["preview"])
    assert summary["parameters"] == sum(layer["parameters"] for layer in summary["layers"]) > 1000
    evaluation = json.loads(previews["evaluation"]["preview"])
    assert evaluation == project.report("08_reporting/evaluation.json")


def read_previews(site, nodes):
    """What the site shows of each dataset, by its name."""
    named = {node["name"]: site / "api" / "nodes" / node["id"] for node in nodes}
    return {name: json.loads(path.read_text()) for name, path in named.items() if path.is_file()}
