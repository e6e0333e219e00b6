"""A grid of settings, trained as a user starts it: on two slots, two at a time."""

from __future__ import annotations


def test_custom_trains_four_settings_two_at_a_time(project):
    short = "train_distributed.settings.steps_per_epoch=8"
    path = project.folder / "conf" / "base" / "parameters_train_distributed.yml"
    text = path.read_text()
    assert "epochs: [10]" in text
    path.write_text(text.replace("epochs: [10]", "epochs: [4]"))
    project.run("train", "--params", f"train_distributed.mode=custom,{short}")
    client, runs = project.client("sandbox"), project.runs("sandbox")
    parents = {run.info.run_id: run for run in runs if "mlflow.parentRunId" not in run.data.tags}
    ((parent_id, parent),) = parents.items()
    nested = sorted(
        (run for run in runs if run.info.run_id != parent_id), key=lambda run: run.info.run_name
    )
    assert {run.data.tags["mlflow.parentRunId"] for run in nested} == {parent_id}
    assert [run.info.run_name for run in nested] == [
        f"epochs=4, learning_rate={rate}, optimizer={optimizer}"
        for rate in (0.001, 0.003)
        for optimizer in ("adam", "sgd")
    ]
    assert {run.info.status for run in runs} == {"FINISHED"}

    spans = []
    for run in nested:
        history = client.get_metric_history(run.info.run_id, "val_accuracy")
        assert [metric.step for metric in history] == [1, 2, 3, 4]
        spans.append((history[0].timestamp, history[-1].timestamp))
    starts = sorted(start for start, _ in spans)
    together = [sum(begin <= at <= end for begin, end in spans) for at in starts]
    assert max(together) == 2  # on two slots

    comparison = project.report("08_reporting/grid_comparison.json")
    assert len(comparison) == 4
    (selected,) = (row for row in comparison if row["selected"])
    assert selected["val_accuracy"] == max(row["val_accuracy"] for row in comparison)
    settings = project.report("08_reporting/selected_settings.json")
    for name in ("epochs", "learning_rate", "optimizer"):
        assert settings[name] == selected["settings"][name]
    assert (
        project.report("08_reporting/training_history.json")[-1]["val_accuracy"]
        == selected["val_accuracy"]
    )
    artifacts = {artifact.path for artifact in client.list_artifacts(parent_id)}
    assert artifacts >= {"grid_comparison.png", "grid_comparison.json"}
    (model,) = client.search_logged_models([parent.info.experiment_id])
    assert model.params["optimizer"] == selected["settings"]["optimizer"]
    assert model.params["learning_rate"] == str(selected["settings"]["learning_rate"])
