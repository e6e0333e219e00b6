"""What a delivery has left: accuracies of the model, the monitor's report, production's ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle import Bundle, digest_of, predict
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.ports import LedgerEntry
from rehearsal.workspace_process import WorkspaceProcess

_MODEL = "data_masters.deploy.mnist_cnn"


@dataclass(frozen=True)
class Accuracies:
    """The accuracies of the model that was trained last, from 0 to 1.

    Attributes:
        reported: On the test set of its own training, as that reports it.
        for_callers: On the images that callers send.
    """

    reported: float
    for_callers: float

    def __str__(self) -> str:
        """Return both as percentages."""
        return (
            f"{self.reported:.1%} on the test set of its training, {self.for_callers:.1%} on what "
            "callers send"
        )


def read_accuracies(
    storage: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> Accuracies:
    """Return the accuracies of the model that was trained last.

    Args:
        storage: The storage of the cloud that trained.
        images: What callers send, [n, 28, 28].
        labels: The digits of these images, [n].
    """
    reported = json.loads((storage / "08_reporting" / "evaluation.json").read_text())
    folder = storage / "06_models" / "bundle"
    predicted = predict(Bundle(folder, digest_of(folder)), images).argmax(axis=1)
    return Accuracies(reported["test_accuracy"], float((predicted == labels).mean()))


def describe_monitoring(storage: Path) -> str:
    """Return what ``monitor`` found last.

    Args:
        storage: The storage of the cloud that serves.
    """
    report = json.loads((storage / "08_reporting" / "monitor.json").read_text())
    return f"{'no drift' if report['passed'] else 'drift'} in {report['log']['images']} images"


def read_ledger(production: WorkspaceProcess) -> list[LedgerEntry]:
    """Return the changes of the model in production, oldest first.

    Raises:
        VerificationError: An entry was changed or removed.
    """
    registry = IsolatedAdapter(
        "crosscloud_mnist.adapters.databricks.UnityCatalogRegistry",
        {"uri": "databricks-uc", "experiment": "/Shared/crosscloud-mnist"},
        production.variables(),
    )
    ledger: list[LedgerEntry] = registry.ledger(_MODEL)
    return ledger
