"""Nodes of ``register_remote``."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crosscloud_mnist.bundle import Verifier, check_golden
from crosscloud_mnist.errors import PromotionRefused
from crosscloud_mnist.ports import ModelVersion, Registry
from crosscloud_mnist.promotion import fetch_verified, verified

logger = logging.getLogger(__name__)

_LINEAGE = ("dataset", "dataset_digest", "git_commit")


def examine(
    source: Registry, target: Registry, verifier: Verifier, model_uri: str
) -> dict[str, Any]:
    """Fetch the candidate, verify it, and only then run its graph on its golden set.

    Returns:
        The candidate: ``uri``, ``digest``, ``source_workspace``, ``run_id``, ``lineage``,
        ``metrics`` and ``golden_difference``. Lineage and metrics come from the signed card, not
        from what somebody may have written on the source's server since.

    Raises:
        PromotionRefused: Source and target are one workspace.
        RegistryError: The source does not have the model.
        VerificationError: It is not the bundle that was signed and recorded.
    """
    reached = source.workspace(), target.workspace()
    logger.info("promoting from %s to %s", *reached)
    if reached[0] == reached[1] or target.holds(model_uri):
        raise PromotionRefused(
            f"source {reached[0]} and target {reached[1]} are one workspace, expected two; set "
            "source and target in the globals of the environment"
        )
    logged = source.logged_model(model_uri)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "bundle"
        source.download_logged(model_uri, folder)
        bundle = verified(folder, verifier, logged.digest)
        difference = check_golden(bundle)
        card = bundle.card()
    return {
        "uri": logged.uri,
        "digest": logged.digest,
        "source_workspace": source.workspace(),
        "run_id": logged.run_id,
        "lineage": {name: str(card[name]) for name in _LINEAGE},
        "metrics": card["metrics"],
        "golden_difference": difference,
    }


def check_gates(candidate: Mapping[str, Any], minimum_accuracy: float) -> list[dict[str, Any]]:
    """Return every gate with its figure, its threshold and whether the candidate passed it."""
    accuracy = candidate["metrics"]["test_accuracy"]
    return [
        {
            "gate": "minimum accuracy on the test set",
            "figure": accuracy,
            "threshold": minimum_accuracy,
            "passed": bool(accuracy >= minimum_accuracy),
        }
    ]


def require_gates(gates: Sequence[Mapping[str, Any]]) -> bool:
    """Refuse a candidate that a gate said no to, after the figures are on storage.

    Raises:
        PromotionRefused: A gate said no; nothing was written to the target.
    """
    failed = [gate for gate in gates if not gate["passed"]]
    if failed:
        reasons = "; ".join(
            f"{gate['gate']} is {gate['figure']:.4f}, expected at least {gate['threshold']}"
            for gate in failed
        )
        raise PromotionRefused(f"{reasons}; the target is untouched: train a better model")
    return True


def publish(
    source: Registry,
    target: Registry,
    verifier: Verifier,
    candidate: Mapping[str, Any],
    name: str,
    _gates_passed: bool,
) -> tuple[ModelVersion, bool]:
    """Copy the candidate to the target's registry, unless its digest is there already.

    Returns:
        The version, and whether it is a new one.

    Raises:
        VerificationError: What the source gives now is not what was examined.
        RegistryError: The target answered no.
    """
    digest = candidate["digest"]
    there = target.find_version(name, digest)
    if there is not None:
        return there, False
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "bundle"
        source.download_logged(candidate["uri"], folder)
        verified(folder, verifier, digest)
        return (
            target.create_version(
                name,
                folder,
                digest=digest,
                tags={
                    "source_workspace": candidate["source_workspace"],
                    "source_run_id": candidate["run_id"],
                    "source_model": candidate["uri"],
                    **candidate["lineage"],
                    **{key: str(value) for key, value in candidate["metrics"].items()},
                },
                description=(
                    f"{candidate['uri']} of run {candidate['run_id']} in "
                    f"{candidate['source_workspace']}, trained on "
                    f"{candidate['lineage']['dataset']}; test accuracy "
                    f"{candidate['metrics']['test_accuracy']:.4f}."
                ),
            ),
            True,
        )


def crown(
    target: Registry, verifier: Verifier, version: ModelVersion, created: bool, alias: str
) -> dict[str, Any]:
    """Verify the target's copy, run it on its golden set, and move the alias last of all.

    Returns:
        The registered model: ``name``, ``version``, ``alias``, ``digest``, ``workspace`` and
        ``created``.

    Raises:
        VerificationError: The copy is not the bundle that was signed; the alias has not moved.
    """
    with tempfile.TemporaryDirectory() as work:
        check_golden(fetch_verified(target, version, verifier, Path(work) / "bundle"))
    target.set_alias(version, alias)
    return {
        "name": version.name,
        "version": version.version,
        "alias": alias,
        "digest": version.digest,
        "workspace": target.workspace(),
        "created": created,
    }
