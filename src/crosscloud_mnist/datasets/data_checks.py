"""Whether the configured data set can be had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kedro.io import AbstractDataset

from crosscloud_mnist.isolation.check_runner import NotApplicableError, Step, run_steps
from crosscloud_mnist.ports import Check, is_training


class DataChecks:
    """Checks the data set that ``ingest_mnist`` reads: see ``ports.Checker``.

    Args:
        dataset: The catalog's entry of the data set. Its class has a method ``find_source``, which
            returns what was found and where, and raises where that cannot be loaded.
    """

    def __init__(self, *, dataset: dict[str, Any]) -> None:
        self._entry = dataset

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return the check of the files; they are required where this workspace trains."""
        step = Step(
            "data set",
            "the files of the catalog's entry mnist",
            self._find,
            is_required=is_training(earlier),
            timeout_seconds=60,
        )
        return run_steps("data", [step], earlier)

    def _find(self) -> str:
        dataset = AbstractDataset.from_config("mnist", self._entry)
        find = getattr(dataset, "find_source", None)
        if find is None:
            raise NotApplicableError(
                f"{type(dataset).__name__} has no method find_source, by which it is checked"
            )
        return str(find())
