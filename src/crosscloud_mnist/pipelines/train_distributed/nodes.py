"""Nodes of ``train_distributed`` that train, select and log the model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle import Bundle, TrainingRun
from crosscloud_mnist.pipelines.train_distributed.comparison import (
    ComparisonRow,
    compare,
    find_best,
)
from crosscloud_mnist.pipelines.train_distributed.evaluation import Evaluation
from crosscloud_mnist.pipelines.train_distributed.parameters import TrainDistributedParameters
from crosscloud_mnist.pipelines.train_distributed.trials import Trial
from crosscloud_mnist.ports import Launcher, Registry, Tracker
from crosscloud_mnist.storage.data_card import DataCard
from crosscloud_mnist.training.config import Setting
from crosscloud_mnist.training.distributed.worker_report import verify_worker_reports
from crosscloud_mnist.training.result import TrainingResult, WorkerReportEntry
from crosscloud_mnist.training.train import train as train_on_slot


class Lineage(TypedDict):
    """What a model comes from.

    Attributes:
        dataset: Name of the data set.
        dataset_digest: SHA-256 of the data set, hexadecimal.
        source: Where the data set came from.
        git_commit: Of the code.
    """

    dataset: str
    dataset_digest: str
    source: str
    git_commit: str


class SelectedModel(TypedDict):
    """The model that is exported, by the names of its catalog entries.

    Attributes:
        weights: In Keras' order, by position.
        training_history: The metrics of its epochs.
        worker_reports: What each rank did.
        selected_settings: The settings that it was trained with.
        grid_comparison: A row for each model that was trained.
    """

    weights: dict[str, NDArray[np.float32]]
    training_history: list[dict[str, float]]
    worker_reports: list[WorkerReportEntry]
    selected_settings: dict[str, Setting]
    grid_comparison: list[ComparisonRow]


def build_lineage(data_card: DataCard, parameters: TrainDistributedParameters) -> Lineage:
    """Return what the model comes from."""
    return Lineage(
        dataset=data_card["dataset"],
        dataset_digest=data_card["dataset_digest"],
        source=data_card["source"],
        git_commit=parameters.git_commit,
    )


def describe_run(tracker: Tracker) -> TrainingRun:
    """Return the run that trains the model."""
    return TrainingRun(id=tracker.run_id(), url=tracker.run_url())


def train(
    launcher: Launcher,
    tracker: Tracker,
    trials: tuple[Trial, ...],
    parameters: TrainDistributedParameters,
    lineage: Lineage,
) -> tuple[TrainingResult, ...]:
    """Train where the launcher says, with every epoch tracked as it ends.

    One trial is trained by all slots together. Several are trained one per slot, each with a nested
    run of its own.

    Returns:
        The result of each trial, verified.

    Raises:
        TrainingError: A slot failed, or the ranks' reports do not agree.
    """
    tracker.log_params(parameters.flatten())
    tracker.set_tags({**_as_tags(lineage), "mode": parameters.mode})
    tracker.log_dataset(lineage["dataset"], lineage["dataset_digest"], lineage["source"])
    jobs = [trial.job for trial in trials]
    results: tuple[TrainingResult, ...]
    if len(jobs) == 1:
        result = launcher.launch(train_on_slot, jobs[0], parameters.mode, tracker.log_epoch)
        results = (result,)
    else:
        with ExitStack() as stack:
            nested = [
                stack.enter_context(tracker.nested(trial.name, trial.job.config.settings()))
                for trial in trials
            ]
            results = launcher.launch_independent(
                train_on_slot, jobs, lambda index, epoch: nested[index].log_epoch(epoch)
            )
    for result, job in zip(results, jobs, strict=True):
        verify_worker_reports(result, job)
    return results


def select_model(
    trials: tuple[Trial, ...], training_results: tuple[TrainingResult, ...]
) -> SelectedModel:
    """Return the model that is best on validation, and the comparison of all."""
    best = find_best(training_results)
    result = training_results[best]
    return SelectedModel(
        weights={f"{index:03d}": array for index, array in enumerate(result.weights)},
        training_history=[asdict(epoch) for epoch in result.history],
        worker_reports=[
            cast("WorkerReportEntry", asdict(report) | {"shards": list(report.shards)})
            for report in result.worker_reports
        ],
        selected_settings=trials[best].job.config.settings(),
        grid_comparison=compare(trials, training_results, best),
    )


def log_model(
    *,
    registry: Registry,
    tracker: Tracker,
    bundle: Bundle,
    settings: Mapping[str, Setting],
    lineage: Lineage,
    evaluation: Evaluation,
) -> str:
    """Log the signed bundle in the sandbox workspace and return its ``models:/m-...`` URI."""
    return registry.log_model(
        bundle.folder,
        run_id=tracker.run_id(),
        digest=bundle.digest,
        tags={**_as_tags(lineage), **_as_tags(evaluation)},
        params={name: str(value) for name, value in settings.items()},
    )


def _as_tags(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}
