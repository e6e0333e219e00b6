"""Where a candidate comes from: what its signed card must say, and what its version then says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscloud_mnist.errors import PromotionRejectedError

NAMES = ("dataset", "dataset_digest", "git_commit", "lock_digest")


def check(card: Mapping[str, Any], model_uri: str) -> None:
    """Raise where the card does not say it all.

    Raises:
        PromotionRejectedError: What is missing, by name.
    """
    missing = [name for name in (*NAMES, "metrics") if name not in card]
    if missing:
        raise PromotionRejectedError(
            f"the card of {model_uri} says nothing of {', '.join(missing)}, expected its whole "
            "lineage; train again with this version"
        )


def tags(candidate: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of the candidate's version; the candidate is as ``fetch_candidate`` returned it."""
    return {
        "source_workspace": candidate["source_workspace"],
        "source_run_id": candidate["run_id"],
        "source_model": candidate["uri"],
        **candidate["lineage"],
        **{key: str(value) for key, value in candidate["metrics"].items()},
    }


def description(candidate: Mapping[str, Any]) -> str:
    """Return one sentence of the same, for people."""
    lineage = candidate["lineage"]
    return (
        f"{candidate['uri']} of run {candidate['run_id']} in {candidate['source_workspace']}, "
        f"trained on {lineage['dataset']} ({lineage['dataset_digest'][:12]}) by commit "
        f"{lineage['git_commit'][:12]}; test accuracy {candidate['metrics']['test_accuracy']:.4f}."
    )
