"""The training loop in one process, and the export of its weights."""

from __future__ import annotations

import hashlib
import json
import math
import resource
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.training import checkpoint, export, input_pipeline
from crosscloud_mnist.training.distributed.worker_report import verify_worker_reports
from crosscloud_mnist.training.early_stopping import select_best_epoch
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.steps import Steps
from crosscloud_mnist.training.train import train


def with_config(job: TrainingJob, **changes: object) -> TrainingJob:
    return replace(job, config=replace(job.config, **changes))


@pytest.fixture(scope="module")
def result(job):
    return train(job)


def test_training_returns_weights_metrics_and_a_worker_report(job, result):
    verify_worker_reports(result, job)
    assert sum(array.size for array in result.weights) == 267_338
    (report,) = result.worker_reports
    weights = b"".join(array.tobytes() for array in result.weights)
    assert report.weights_sha256 == hashlib.sha256(weights).hexdigest()
    first, second = result.history
    assert second.loss < first.loss
    assert (second.epoch, second.total_epochs, second.learning_rate) == (2, 2, pytest.approx(0.001))
    assert 0 <= second.val_accuracy <= 1
    assert second.images_per_second > 0


def test_every_epoch_leaves_a_record(job, result):
    for epoch in result.history:
        record = Path(job.checkpoint_dir) / f"epoch-{epoch.epoch:04d}.json"
        assert json.loads(record.read_text()) == asdict(epoch)


def test_the_same_seed_gives_the_same_weights(job, result):
    again = train(job)
    assert again.worker_reports == result.worker_reports
    other = train(with_config(job, epochs=1, seed=job.config.seed + 1))
    assert other.history[0].loss != result.history[0].loss


@pytest.mark.parametrize(
    "changes",
    [{"model": "compact", "augment": True, "schedule": "cosine"}, {"ema_momentum": 0.5}],
)
def test_a_resumed_training_ends_with_the_same_weights(job, changes, tmp_path):
    job = with_config(job, epochs=3, **changes)
    uninterrupted = train(replace(job, checkpoint_dir=str(tmp_path / "uninterrupted")))
    shutil.copytree(tmp_path / "uninterrupted", tmp_path / "interrupted")
    for late in ("checkpoint-0003.npz", "epoch-0002.json", "epoch-0003.json"):
        (tmp_path / "interrupted" / late).unlink()
    interrupted = str(tmp_path / "interrupted")
    resumed = train(
        replace(job, checkpoint_dir=interrupted, initial_epoch=checkpoint.last_epoch(interrupted))
    )
    assert resumed.worker_reports == uninterrupted.worker_reports
    for resumed_epoch, expected_epoch in zip(resumed.history, uninterrupted.history, strict=True):
        assert resumed_epoch.loss == expected_epoch.loss
        assert resumed_epoch.val_loss == expected_epoch.val_loss
    assert resumed.history[:2] == uninterrupted.history[:2]
    records = [path.name for path in sorted((tmp_path / "interrupted").glob("*.json"))]
    assert records == ["epoch-0001.json", "epoch-0002.json", "epoch-0003.json"]


def test_the_best_epochs_weights_are_exported_and_survive_a_resume(job, tmp_path):
    """A rate far too high after the first epoch makes that one the best."""
    job = with_config(
        job, restore_best_weights=True, patience=2, epochs=5, learning_rate=0.03, optimizer="adam"
    )
    uninterrupted = train(replace(job, checkpoint_dir=str(tmp_path / "uninterrupted")))
    verify_worker_reports(uninterrupted, job)
    assert (
        uninterrupted.selected
        == select_best_epoch(uninterrupted.history)
        != uninterrupted.history[-1]
    )
    model = export.rebuild(job.config.model, job.contract, uninterrupted.weights)
    correct = total = 0
    for images, labels, weights in input_pipeline.validation_batches(job, 1, 0, 1):
        predicted = export.predict(model, images.numpy()).argmax(axis=1)
        correct += float(((predicted == labels.numpy()) * weights.numpy()).sum())
        total += float(weights.numpy().sum())
    assert correct / total == pytest.approx(uninterrupted.selected.val_accuracy, abs=2 / total)
    interrupted = tmp_path / "interrupted"
    shutil.copytree(tmp_path / "uninterrupted", interrupted)
    newest = checkpoint.last_epoch(str(interrupted))
    resumed = train(replace(job, checkpoint_dir=str(interrupted), initial_epoch=newest - 1))
    assert resumed.worker_reports == uninterrupted.worker_reports
    assert resumed.selected_epoch == uninterrupted.selected_epoch


@pytest.mark.parametrize(("momentum", "shares"), [(0.5, (1, 1, 2)), (0.9, (1, 1, 1))])
def test_averaged_weights_are_exported_and_training_continues_from_its_own(
    job, momentum, shares, tmp_path
):
    job = with_config(job, epochs=3)
    first, second, third = (
        train(
            replace(with_config(job, epochs=epochs), checkpoint_dir=str(tmp_path / str(epochs)))
        ).weights
        for epochs in (1, 2, 3)
    )
    job = with_config(job, ema_momentum=momentum, restore_best_weights=True)
    averaged = train(replace(job, checkpoint_dir=str(tmp_path / "averaged")))
    for average, *parts in zip(averaged.weights, first, second, third, strict=True):
        np.testing.assert_allclose(average, np.average(parts, axis=0, weights=shares), atol=1e-6)
    assert averaged.selected_epoch == 3
    model, losses = export.rebuild(job.config.model, job.contract, averaged.weights), []
    for images, labels, weights in input_pipeline.validation_batches(job, 1, 0, 1):
        probabilities = export.predict(model, images.numpy())
        of_label = probabilities[np.arange(len(probabilities)), labels.numpy()]
        losses.extend(-np.log(of_label[weights.numpy() > 0]))
    assert averaged.selected.val_loss == pytest.approx(np.mean(losses), rel=1e-4)


def test_an_epoch_is_traced_once(job, monkeypatch):
    compiled = []
    compile_steps = Steps._compile

    def compile_and_keep(*arguments):
        compiled.append(compile_steps(*arguments))
        return compiled[-1]

    monkeypatch.setattr(Steps, "_compile", compile_and_keep)
    train(with_config(job, model="compact", augment=True, epochs=3))
    assert [each.experimental_get_tracing_count() for each in compiled] == [1, 1]


def test_bfloat16_learns_as_float32_does(job, result):
    half = train(with_config(job, precision="mixed_bfloat16"))
    for coarse, fine in zip(half.history, result.history, strict=True):
        assert coarse.loss == pytest.approx(fine.loss, rel=0.02)
        assert coarse.val_accuracy == pytest.approx(fine.val_accuracy, abs=0.03)


def test_labels_are_smoothed_in_training_and_validation(job):
    still = with_config(job, optimizer="sgd", learning_rate=1e-9, epochs=1)
    (smooth,) = train(with_config(still, label_smoothing=0.999)).history
    (plain,) = train(still).history
    for fully_smooth, hard in ((smooth.loss, plain.loss), (smooth.val_loss, plain.val_loss)):
        assert fully_smooth != pytest.approx(hard, rel=1e-4)
        assert fully_smooth == pytest.approx(math.log(10), rel=0.02)  # an untrained model's


def test_unwritable_storage_is_a_one_line_error(job, tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(TrainingError, match=r"epoch 1 could not be written to .*make room"):
        train(replace(job, checkpoint_dir=str(tmp_path / "file" / "records")))


def test_a_full_disk_is_a_one_line_error_and_leaves_no_partial_checkpoint(job, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file of this process may not grow past that: the same OSError as of a full disk (EFBIG).
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(TrainingError, match="epoch 1 could not be written to .*too large"):
            train(replace(job, checkpoint_dir=str(tmp_path)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_the_learning_rate_warms_up_and_falls_to_zero(job):
    history = train(with_config(job, schedule="cosine", epochs=3)).history
    rates = [epoch.learning_rate for epoch in history]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] < job.config.learning_rate
    assert rates[-1] == pytest.approx(0, abs=1e-5)


def test_bfloat16_computes_but_the_weights_stay_float32(job):
    import keras

    result = train(with_config(job, precision="mixed_bfloat16", model="compact", epochs=1))
    assert {array.dtype for array in result.weights} == {np.dtype(np.float32)}
    assert result.worker_reports[0].precision == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"


def test_sgd_can_be_chosen_and_learns_slower(job, result):
    slow = train(with_config(job, optimizer="sgd"))
    assert slow.history[-1].loss > result.history[-1].loss


def test_the_onnx_graph_predicts_as_keras_does(job, result, tmp_path):
    model = export.rebuild(job.config.model, job.contract, result.weights)
    images = np.random.default_rng(0).integers(0, 256, (33, 28, 28), np.uint8)
    expected = export.predict(model, images)
    assert expected.shape == (33, 10)
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-5)
    graph = export.onnx_bytes(model)
    # No node asks for the batch's size.
    assert "Shape" not in {node.op_type for node in onnx.load_from_string(graph).graph.node}
    session = onnxruntime.InferenceSession(graph)
    (graph_input,) = session.get_inputs()
    assert (graph_input.name, graph_input.type, graph_input.shape[1:]) == (
        "images",
        "tensor(uint8)",
        [28, 28],
    )
    (probabilities,) = session.run(["probabilities"], {"images": images})
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    path = tmp_path / "model.keras"
    path.write_bytes(export.keras_bytes(model))
    import keras

    np.testing.assert_allclose(
        export.predict(keras.models.load_model(path), images), expected, atol=1e-6
    )
    assert export.summarize(model)["parameters"] == 267_338


def test_a_model_scales_raw_pixels_itself(job, result):
    model = export.rebuild(job.config.model, job.contract, result.weights)
    rescaling = next(layer for layer in model.layers if layer.name.startswith("rescaling"))
    assert rescaling.scale == pytest.approx(1 / 255)


def test_importing_training_does_not_import_tensorflow():
    code = (
        "import sys, crosscloud_mnist.training.train, crosscloud_mnist.training.export, "
        "crosscloud_mnist.pipeline_registry as registry; registry.register_pipelines(); "
        "sys.exit(bool({'tensorflow', 'keras', 'pyspark'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
