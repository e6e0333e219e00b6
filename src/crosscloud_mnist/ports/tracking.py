"""Where training is tracked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from crosscloud_mnist.training.result import EpochMetrics


class Tracker(Protocol):
    """The experiment-tracking run that is open while a pipeline runs."""

    def nested(self, name: str, settings: Mapping[str, object]) -> AbstractContextManager[Tracker]:
        """Open a run inside this one; it ends with the block, as failed where that raises."""

    def log_epoch(self, record: EpochMetrics) -> None:
        """Log one epoch's metrics under that epoch's number as the step."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""

    def log_dataset(self, name: str, digest: str, source: str) -> None:
        """Log the training data as an input of the run."""

    def run_id(self) -> str:
        """Return the run's identity."""

    def log_text(self, text: str, name: str) -> None:
        """Log a text artifact under the name."""
