"""The parameters and a tracker of ``train_distributed``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from pydantic import TypeAdapter

from crosscloud_mnist.pipelines.train_distributed.parameters import TrainDistributedParameters
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import EpochMetrics


class FakeTracker:
    """Keeps what is logged."""

    def __init__(self, name: str = "run-1") -> None:
        self.name = name
        self.params: dict[str, object] = {}
        self.tags: dict[str, str] = {}
        self.epochs: list[EpochMetrics] = []
        self.children: list[FakeTracker] = []

    @contextmanager
    def nested(self, name: str, settings: Mapping[str, object]) -> Iterator[FakeTracker]:
        child = FakeTracker(name)
        child.log_params(settings)
        self.children.append(child)
        yield child

    def log_epoch(self, record: EpochMetrics) -> None:
        self.epochs.append(record)

    def log_params(self, params: Mapping[str, object]) -> None:
        self.params.update(params)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self.tags.update(tags)

    def log_dataset(self, name: str, digest: str, source: str) -> None:
        self.tags["logged_dataset"] = f"{name} {digest} {source}"

    def run_id(self) -> str:
        return self.name

    def run_url(self) -> str:
        return f"https://sandbox/{self.name}"


@pytest.fixture
def tracker() -> FakeTracker:
    return FakeTracker()


@pytest.fixture
def values(job: TrainingJob) -> dict[str, object]:
    """The parameters as Kedro reads them from YAML."""
    return {
        "mode": "custom",
        "recipe": "baseline",
        "settings": job.config.settings(),
        "grid": None,
        "checkpoint_dir": "checkpoints",
        "git_commit": "ab" * 20,
        "golden_images_per_class": 2,
    }


@pytest.fixture
def parse(values: dict[str, object]):
    """Return the parameters, with some values changed."""

    def parse_values(**changes: object) -> TrainDistributedParameters:
        return TypeAdapter(TrainDistributedParameters).validate_python({**values, **changes})

    return parse_values
