"""Training through a launcher, selection, evaluation and the golden set."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.pipelines.train_distributed.bundle_contents import select_golden_set
from crosscloud_mnist.pipelines.train_distributed.evaluation import Predictions, evaluate
from crosscloud_mnist.pipelines.train_distributed.nodes import (
    Lineage,
    log_model,
    select_model,
    train,
)
from crosscloud_mnist.pipelines.train_distributed.trials import build_trials
from crosscloud_mnist.training.result import EpochMetrics, TrainingResult, WorkerReport

LINEAGE = Lineage(dataset="mnist", dataset_digest="12" * 32, source="folder", git_commit="ab" * 20)


def train_nothing(job):
    """A result whose accuracy is the learning rate."""
    config = job.config
    history = tuple(
        EpochMetrics(n, config.epochs, 0.5, 0.9, 0.4, config.learning_rate, 0.001, 1.5, 100.0)
        for n in range(1, config.epochs + 1)
    )
    images = config.epochs * config.steps_per_epoch * config.global_batch_size
    shards = tuple(range(len(job.train)))
    report = WorkerReport(0, "host", shards, images, "float32", "ab" * 32)
    return TrainingResult((np.zeros(3, np.float32),), history, (report,), config.epochs)


class FakeLauncher:
    def __init__(self, train=train_nothing):
        self._train = train

    def launch(self, train, job, mode, on_epoch):
        result = self._train(job)
        for epoch in result.history:
            on_epoch(epoch)
        return result

    def launch_independent(self, train, jobs, on_epoch):
        results = tuple(map(self._train, jobs))
        for index, result in enumerate(results):
            for epoch in result.history:
                on_epoch(index, epoch)
        return results


def test_one_training_logs_parameters_tags_and_epochs_in_the_run(job, parse, tracker):
    parameters = parse(mode="single")
    trials = build_trials(tracker, parameters, job.contract, job.train, job.validation)
    (result,) = train(FakeLauncher(), tracker, trials, parameters, LINEAGE)
    assert tracker.params["train_distributed.settings.epochs"] == 2
    assert tracker.tags.items() >= {**LINEAGE, "mode": "single"}.items()
    assert tuple(tracker.epochs) == result.history


def test_a_grid_trains_in_nested_runs_and_the_best_is_selected(job, parse, tracker):
    parameters = parse(grid={"learning_rate": [0.1, 0.3, 0.2]})
    trials = build_trials(tracker, parameters, job.contract, job.train, job.validation)
    results = train(FakeLauncher(), tracker, trials, parameters, LINEAGE)
    assert [child.name for child in tracker.children] == [trial.name for trial in trials]
    assert [len(child.epochs) for child in tracker.children] == [2, 2, 2]
    selected = select_model(trials, results)
    assert selected["selected_settings"]["learning_rate"] == 0.3
    assert [row["selected"] for row in selected["grid_comparison"]] == [False, True, False]
    for name in ("training_history", "worker_reports", "selected_settings", "grid_comparison"):
        assert json.loads(json.dumps(selected[name])) == selected[name]


def test_a_result_that_the_ranks_do_not_agree_on_is_rejected(job, parse, tracker):
    def train_too_few_images(job):
        result = train_nothing(job)
        return replace(result, worker_reports=(replace(result.worker_reports[0], images=1),))

    parameters = parse(mode="single")
    trials = build_trials(tracker, parameters, job.contract, job.train, job.validation)
    with pytest.raises(TrainingError, match="saw 1 training images"):
        train(FakeLauncher(train_too_few_images), tracker, trials, parameters, LINEAGE)


def predictions(probabilities, labels):
    return Predictions(
        labels=np.array(labels, np.uint8),
        probabilities=np.array(probabilities, np.float32),
        sha256=np.array("ab" * 32),
    )


def test_accuracy_and_loss_are_those_of_the_labels():
    outputs = evaluate(predictions([[0.9, 0.1], [0.8, 0.2]], [0, 1]))
    assert outputs["test_accuracy"] == 0.5
    assert outputs["test_loss"] == pytest.approx(-(np.log(0.9) + np.log(0.2)) / 2)
    assert outputs["evaluation"] == {
        "test_accuracy": outputs["test_accuracy"],
        "test_loss": outputs["test_loss"],
        "test_images": 2,
    }


def test_golden_images_are_correct_certain_and_spread(parse, contract):
    labels = np.repeat(np.arange(10, dtype=np.uint8), 5)
    probabilities = np.full((50, 10), 0.001, np.float32)
    probabilities[np.arange(50), labels] = 0.99
    probabilities[0] = 0.1  # not certain
    probabilities[6, :2] = (0.99, 0.001)  # not correct
    images = np.broadcast_to(np.arange(50, dtype=np.uint8)[:, None, None], (50, 28, 28))
    golden = select_golden_set(
        (images, labels), predictions(probabilities, labels), contract, parse()
    )
    assert golden.labels.tolist() == sorted(list(range(10)) * 2)
    assert golden.images[:4, 0, 0].tolist() == [1, 4, 5, 9]


def test_an_untrained_model_has_a_golden_set_too(parse, contract):
    labels, probabilities = np.zeros(5, np.uint8), np.full((5, 10), 0.1, np.float32)
    images = np.zeros((5, 28, 28), np.uint8)
    golden = select_golden_set(
        (images, labels), predictions(probabilities, labels), contract, parse()
    )
    assert len(golden.images) == 2


def test_the_bundle_is_logged_with_lineage_and_metrics_as_tags(tiny_bundle, tracker):
    logged = {}

    class FakeRegistry:
        def log_model(self, folder, **details):
            logged.update(details, folder=folder)
            return "models:/m-1"

    uri = log_model(
        registry=FakeRegistry(),
        tracker=tracker,
        bundle=tiny_bundle,
        settings={"epochs": 2, "patience": None},
        lineage=LINEAGE,
        evaluation={"test_accuracy": 0.5, "test_loss": 1.0, "test_images": 2},
    )
    assert uri == "models:/m-1"
    assert (logged["run_id"], logged["digest"]) == ("run-1", tiny_bundle.digest)
    assert logged["tags"] == {
        **LINEAGE,
        "test_accuracy": "0.5",
        "test_loss": "1.0",
        "test_images": "2",
    }
    assert logged["params"] == {"epochs": "2", "patience": "None"}
