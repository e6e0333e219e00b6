"""Where a model comes from: read from its signed card, written as its version's tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crosscloud_mnist.errors import PromotionRejectedError

NAMES = ("dataset", "dataset_digest", "git_commit", "lock_digest")


@dataclass(frozen=True)
class Lineage:
    """What the signed card says, not what somebody may have written on a server since.

    Attributes:
        dataset: Name of the training data.
        dataset_digest: SHA-256 of that data, hexadecimal.
        git_commit: Commit of the code that trained.
        lock_digest: SHA-256 of the lock file, hexadecimal.
        metrics: Figures of the model, with ``test_accuracy``.
    """

    dataset: str
    dataset_digest: str
    git_commit: str
    lock_digest: str
    metrics: Mapping[str, float]


def read_lineage(card: Mapping[str, object], model_uri: str) -> Lineage:
    """Return the lineage of the model that the card belongs to.

    Raises:
        PromotionRejectedError: The card lacks a part of it; the message names the part.
    """
    metrics = card.get("metrics")
    figures = dict(metrics) if isinstance(metrics, Mapping) else {}
    missing = [name for name in NAMES if name not in card]
    if not isinstance(figures.get("test_accuracy"), int | float):
        missing.append("metrics.test_accuracy")
    if missing:
        raise PromotionRejectedError(
            f"the card of {model_uri} lacks {', '.join(missing)}, expected its complete lineage; "
            "train again with this version"
        )
    return Lineage(**{name: str(card[name]) for name in NAMES}, metrics=figures)


def tags(lineage: Lineage) -> dict[str, str]:
    """Return the lineage as tags of a version."""
    return {
        **{name: getattr(lineage, name) for name in NAMES},
        **{name: str(value) for name, value in lineage.metrics.items()},
    }


def describe(lineage: Lineage) -> str:
    """Return the lineage as part of a sentence."""
    return (
        f"trained on {lineage.dataset} ({lineage.dataset_digest[:12]}) by commit "
        f"{lineage.git_commit[:12]}; test accuracy {lineage.metrics['test_accuracy']:.4f}"
    )
