"""Training as a user starts it: a grid on two slots, and Ctrl-C in the middle of it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

SHORT = "train_distributed.settings.steps_per_epoch=8"


def runs_of(project):
    client = project.client("sandbox")
    experiments = [each.experiment_id for each in client.search_experiments()]
    return client, client.search_runs(experiments)


def test_custom_trains_four_settings_two_at_a_time(project):
    project.run("train", "--params", f"train_distributed.mode=custom,{SHORT}")
    client, runs = runs_of(project)
    parents = {run.info.run_id: run for run in runs if "mlflow.parentRunId" not in run.data.tags}
    ((parent_id, parent),) = parents.items()
    nested = sorted(
        (run for run in runs if run.info.run_id != parent_id), key=lambda run: run.info.run_name
    )
    assert {run.data.tags["mlflow.parentRunId"] for run in nested} == {parent_id}
    assert [run.info.run_name for run in nested] == [
        f"epochs=10, learning_rate={rate}, optimizer={optimizer}"
        for rate in (0.001, 0.003)
        for optimizer in ("adam", "sgd")
    ]
    assert {run.info.status for run in runs} == {"FINISHED"}

    spans = []
    for run in nested:
        history = client.get_metric_history(run.info.run_id, "val_accuracy")
        assert [metric.step for metric in history] == list(range(1, 11))
        spans.append((history[0].timestamp, history[-1].timestamp))
    starts = sorted(start for start, _ in spans)
    together = [sum(begin <= at <= end for begin, end in spans) for at in starts]
    assert max(together) == 2  # on two slots

    comparison = project.report("08_reporting/comparison.json")
    assert len(comparison) == 4
    (chosen,) = (row for row in comparison if row["chosen"])
    assert chosen["val_accuracy"] == max(row["val_accuracy"] for row in comparison)
    settings = project.report("08_reporting/chosen_settings.json")
    for name in ("epochs", "learning_rate", "optimizer"):
        assert settings[name] == chosen[name]
    assert (
        project.report("08_reporting/training_history.json")[-1]["val_accuracy"]
        == (chosen["val_accuracy"])
    )
    artifacts = {artifact.path for artifact in client.list_artifacts(parent_id)}
    assert artifacts >= {"comparison.png", "comparison.json"}
    (model,) = client.search_logged_models([parent.info.experiment_id])
    assert model.params["optimizer"] == chosen["optimizer"]
    assert model.params["learning_rate"] == str(chosen["learning_rate"])


@pytest.mark.parametrize(
    ("number", "mode"), [(signal.SIGINT, "custom"), (signal.SIGTERM, "distributed")]
)
def test_interrupted_training_is_one_line_and_leaves_nothing_running(project, number, mode):
    if not (project.data / "05_model_input" / "training").exists():
        project.run("ingest_mnist")
    _, before = runs_of(project)
    long = "train_distributed.settings.epochs=1000,train_distributed.grid.epochs=[1000]"
    process = project.start(
        *("run", "--pipeline", "train_distributed"),
        *("--params", f"train_distributed.mode={mode},{long},{SHORT}"),
    )
    try:
        records = project.data / "06_models" / "epochs"
        begun = time.time()
        until = time.monotonic() + 150
        while not any(path.stat().st_mtime > begun for path in records.rglob("epoch-*.json")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.2)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 1
    assert "training was interrupted, expected it to go on to the end" in " ".join(errors.split())
    assert "Traceback" not in output + errors
    _, after = runs_of(project)
    known = {run.info.run_id for run in before}
    assert {run.info.status for run in after if run.info.run_id not in known} == {"FAILED"}
    until = time.monotonic() + 20
    while left := processes_of(process.pid):
        assert time.monotonic() < until, left
        time.sleep(0.2)


def processes_of(session: int) -> list[str]:
    """What still runs of a session: its JVM, its Python workers."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append((stat.parent / "cmdline").read_text())
        except OSError:
            continue  # it has ended meanwhile
    return found
