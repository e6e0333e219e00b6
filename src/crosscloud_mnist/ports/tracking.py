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
        """Open a run inside this one; it ends with the block, as failed if the block raises.

        Args:
            name: The run's name.
            settings: Logged as the run's parameters.
        """

    def log_epoch(self, record: EpochMetrics) -> None:
        """Log one epoch's metrics; the step is the epoch's number, from 1."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""

    def log_dataset(self, name: str, digest: str, source: str) -> None:
        """Log the training data as an input of the run.

        Args:
            name: ``mnist`` or ``uci-digits``.
            digest: SHA-256 of the data, hexadecimal.
            source: Where it came from.
        """

    def run_id(self) -> str:
        """Return the run's id."""

    def run_url(self) -> str:
        """Return the run's address in MLflow's pages."""

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log the run's parameters by name."""
