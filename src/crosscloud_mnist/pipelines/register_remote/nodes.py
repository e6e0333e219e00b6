"""Nodes of ``register_remote``."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Bundle, Verifier, golden_difference
from crosscloud_mnist.errors import PromotionRejectedError, VerificationError
from crosscloud_mnist.ports import LedgerEntry, ModelVersion, Registry
from crosscloud_mnist.promotion import bundle_cache, fetch_verified, lineage, record_and_move
from crosscloud_mnist.promotion import gates as gate

_VERIFIED = "verified"
_MAX_TAG = 1000  # Unity Catalog's limit

logger = logging.getLogger(__name__)


def fetch_candidate(
    *,
    source: Registry,
    target: Registry,
    verifier: Verifier,
    model_uri: str,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Fetch the candidate and verify it, before anything of it is opened.

    Args:
        source: The workspace that logged it.
        target: The workspace that it goes to.
        verifier: Holds the public key.
        model_uri: The candidate.
        settings: ``name`` and ``alias``, ``bundle_cache`` (a folder for bundles, each in one named
            by its digest: none is fetched twice) and ``orphan_ttl_seconds`` (how long one is kept
            there that is not the champion's).

    Returns:
        The candidate: ``uri``, ``digest``, ``folder``, ``source_workspace``, ``run_id``, ``tags``,
        ``lineage`` and ``metrics``. Lineage and metrics come from the signed card, not from what
        somebody may have written on the source's server since.

    Raises:
        PromotionRejectedError: Source and target are one workspace, or the card lacks lineage.
        RegistryError: The source does not have the model.
        VerificationError: It is not the bundle that was signed and recorded.
    """
    reached = source.workspace(), target.workspace()
    logger.info("promoting from %s to %s", *reached)
    if reached[0] == reached[1] or target.has_logged_model(model_uri):
        raise PromotionRejectedError(
            f"source {reached[0]} and target {reached[1]} are one workspace, expected two; set "
            "source and target in the globals of the environment"
        )
    logged = source.logged_model(model_uri)
    champion = target.get_version_by_alias(settings["name"], settings["alias"])
    fetched = Path(settings["bundle_cache"])
    bundle_cache.evict(
        fetched, settings["orphan_ttl_seconds"], champion.digest if champion else None
    )
    download = partial(source.download_logged, model_uri)
    bundle = bundle_cache.get(download, verifier, fetched, logged.digest)
    card = bundle.card()
    lineage.check(card, model_uri)
    return {
        "uri": logged.uri,
        "digest": logged.digest,
        "folder": str(bundle.folder),
        "source_workspace": reached[0],
        "run_id": logged.run_id,
        "tags": dict(logged.tags),
        "lineage": {key: str(value) for key, value in card.items() if key in lineage.NAMES},
        "metrics": card["metrics"],
    }


def check_gates(
    target: Registry, verifier: Verifier, candidate: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[gate.Gate]:
    """Return every gate with its figure, its threshold and whether the candidate passed it.

    Args:
        target: The workspace whose champion the candidate is compared with.
        verifier: Holds the public key; the champion is opened only once verified.
        candidate: As ``fetch_candidate`` returned it.
        settings: ``name``, ``alias``, ``minimum_accuracy``, ``significance``,
            ``require_same_test_set`` and ``approval_tag``.
    """
    bundle = Bundle(Path(candidate["folder"]), candidate["digest"])
    current = target.get_version_by_alias(settings["name"], settings["alias"])
    champion = None
    if current is not None and current.digest != bundle.digest:
        download = partial(target.download_version, current)
        champion = bundle_cache.get(download, verifier, bundle.folder.parent, current.digest)
    rows = [
        gate.minimum_accuracy(candidate["metrics"], settings["minimum_accuracy"]),
        gate.compare_with_champion(
            bundle.test_predictions(),
            champion.test_predictions() if champion else None,
            settings["significance"],
            settings["require_same_test_set"],
        ),
        gate.same_contract(bundle, champion),
    ]
    if settings["approval_tag"]:
        rows.append(gate.check_approval(candidate["tags"], settings["approval_tag"]))
    return rows


def publish(
    target: Registry,
    candidate: Mapping[str, Any],
    name: str,
    orphan_ttl_seconds: float,
    _gates: Sequence[gate.Gate] = (),
) -> tuple[ModelVersion, bool]:
    """Copy the candidate to the target's registry, unless its digest is there already.

    Of two promotions at once the lower version stays; each removes only its own.

    Returns:
        The version, and whether it is a new one.

    Raises:
        RegistryError: The target answered no.
    """
    digest = candidate["digest"]
    target.delete_orphans(name, digest, orphan_ttl_seconds)
    there = target.find_version(name, digest)
    if there is not None:
        return there, False
    made = target.create_version(
        name,
        Path(candidate["folder"]),
        digest=digest,
        tags=lineage.tags(candidate),
        description=lineage.description(candidate),
    )
    lowest = target.find_version(name, digest) or made
    if int(lowest.version) < int(made.version):
        target.delete_version(made)
        return lowest, False
    return made, True


def verify_copy(
    target: Registry,
    verifier: Verifier,
    version: ModelVersion,
    candidate_gates: Sequence[gate.Gate],
) -> list[gate.Gate]:
    """Verify the target's copy, and run its graph on its golden set.

    Returns:
        All gates: the candidate's, and the copy's own.

    Raises:
        VerificationError: The copy is not the bundle that was signed. If it never was, the version
            is removed.
    """
    with tempfile.TemporaryDirectory() as work:
        try:
            copy = fetch_verified(target, version, verifier, Path(work) / "copy")
        except VerificationError:
            if _VERIFIED not in version.tags:
                target.delete_version(version)
            raise
        parity = gate.golden_parity(golden_difference(copy), CROSS_HOST_TOLERANCE)
        gates = [*candidate_gates, parity]
    target.tag_version(version, {_VERIFIED: version.digest, "gates": _figures(gates)})
    return gates


def move_alias(
    *,
    target: Registry,
    version: ModelVersion,
    created: bool,
    candidate: Mapping[str, Any],
    gates: Sequence[gate.Gate],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Move the alias last of all, or name the refused model ``challenger`` with the reason.

    Returns:
        The registered model: ``name``, ``version``, ``alias``, ``digest``, ``workspace``,
        ``created`` and ``source_model``.

    Raises:
        PromotionRejectedError: A gate said no; the alias has not moved.
    """
    alias, challenger = settings["alias"], settings["challenger_alias"]
    refusals = [row["note"] for row in gates if not row["passed"]]
    current = target.get_version_by_alias(version.name, alias)
    entry = LedgerEntry(
        action="refused" if refusals else "promoted",
        name=version.name,
        alias=alias,
        version=version.version,
        digest=version.digest,
        previous_version=current.version if current else "",
        reason="; ".join(refusals)[:_MAX_TAG] or f"every gate passed by {candidate['uri']}",
        gate_results=_figures(gates),
    )
    if refusals:
        recorded = target.append_entry(entry)
        target.tag_version(version, {"refused": entry.reason})
        target.set_alias(version, challenger)
        target.complete_entry(recorded)
        raise PromotionRejectedError(
            f"{entry.reason}; {version.name} {version.version} is the {challenger}, and the "
            f"{alias} is untouched: train a better model"
        )
    record_and_move(target, version, entry)
    return {
        "name": version.name,
        "version": version.version,
        "alias": alias,
        "digest": version.digest,
        "workspace": target.workspace(),
        "created": created,
        "source_model": candidate["uri"],
    }


def _figures(gates: Sequence[gate.Gate]) -> str:
    short = [{key: row[key] for key in ("gate", "figure", "threshold", "passed")} for row in gates]
    return json.dumps(short)
