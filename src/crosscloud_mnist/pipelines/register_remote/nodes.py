"""Nodes of ``register_remote``."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Bundle, Verifier, golden_difference
from crosscloud_mnist.errors import PromotionRejectedError, VerificationError
from crosscloud_mnist.pipelines.register_remote.parameters import RegisterRemoteParameters
from crosscloud_mnist.pipelines.register_remote.records import (
    CandidateRecord,
    CheckedCandidate,
    Publication,
    RegisteredModel,
)
from crosscloud_mnist.ports import LedgerEntry, ModelVersion, Registry
from crosscloud_mnist.promotion import (
    ProductionModel,
    bundle_cache,
    fetch_verified,
    find_champion,
    gates,
    history,
    lineage,
    name_version,
    record_and_move,
    tags,
    verify_bundle,
)
from crosscloud_mnist.promotion.candidate import open_candidate
from crosscloud_mnist.promotion.removal import remove_unverifiable

logger = logging.getLogger(__name__)


def remove_version(
    target: Registry,
    verifier: Verifier,
    production: ProductionModel,
    parameters: RegisterRemoteParameters,
) -> list[str]:
    """Remove the version that ``parameters.remove_version`` names, if it cannot be verified.

    Such a version, forged or half-made, has the digest of a good bundle and so blocks that bundle.

    Returns:
        The numbers of the removed versions: one, or none.

    Raises:
        PromotionRejectedError: The version is a good one.
        RegistryError: It does not exist.
    """
    if parameters.remove_version is None:
        return []
    number = str(parameters.remove_version)
    remove_unverifiable(target, verifier, production, number)
    return [number]


def fetch_candidate(
    *,
    source: Registry,
    target: Registry,
    verifier: Verifier,
    model_uri: str,
    production: ProductionModel,
    parameters: RegisterRemoteParameters,
    _removed: Sequence[str] = (),
) -> CandidateRecord:
    """Fetch the candidate and verify it before anything of it is opened.

    Args:
        source: The workspace that logged it.
        target: The workspace that it goes to.
        verifier: Holds the public key.
        model_uri: The candidate.
        production: The registered model and its alias; the champion's bundle stays cached.
        parameters: For the bundle cache.
        _removed: Removed before, so that they are not taken for the champion.

    Raises:
        PromotionRejectedError: Source and target are one workspace, or the card lacks lineage.
        RegistryError: The source does not have the model.
        VerificationError: It is not the bundle that was signed and recorded.
    """
    _check_workspaces(source, target, model_uri)
    logger.info("promoting from %s to %s", source.workspace(), target.workspace())
    champion = find_champion(target, production)
    keep = champion.digest if champion else None
    bundle_cache.evict(parameters.bundle_cache, parameters.orphan_ttl_seconds, keep)
    candidate = open_candidate(source, verifier, model_uri, parameters.bundle_cache)
    return {
        "uri": candidate.model.uri,
        "digest": candidate.model.digest,
        "source_workspace": candidate.source_workspace,
        "run_id": candidate.model.run_id,
        "lineage": lineage.tags(candidate.lineage),
        "metrics": dict(candidate.lineage.metrics),
    }


def check_gates(
    *,
    source: Registry,
    target: Registry,
    verifier: Verifier,
    record: CandidateRecord,
    production: ProductionModel,
    parameters: RegisterRemoteParameters,
) -> CheckedCandidate:
    """Check the candidate by every gate.

    Only the candidate's URI is taken from ``record``, a file that anyone may have edited. What the
    gates decide by is read again: from the verified bundle, the approval from the source, and the
    champion from the ledger, as anyone who may write to the registry can move the alias.

    Args:
        source: The workspace that logged the candidate.
        target: The workspace whose champion it is compared with.
        verifier: Holds the public key; the champion is opened only once verified.
        record: As ``fetch_candidate`` returned it.
        production: The registered model and its alias.
        parameters: The thresholds.

    Raises:
        PromotionRejectedError: Source and target are one workspace, or the card lacks lineage.
        RegistryError: A workspace does not have the bundle.
        VerificationError: A bundle is not the one that was signed and recorded.
    """
    _check_workspaces(source, target, record["uri"])
    candidate = open_candidate(source, verifier, record["uri"], parameters.bundle_cache)
    champion = _fetch_champion(target, verifier, production, parameters.bundle_cache)
    if champion and champion.digest == candidate.bundle.digest:
        champion = None
    rows = [
        gates.check_accuracy(
            candidate.lineage.metrics["test_accuracy"], parameters.minimum_accuracy
        ),
        gates.compare_with_champion(
            candidate.bundle.test_predictions(),
            champion.test_predictions() if champion else None,
            parameters.significance,
            parameters.require_same_test_set,
        ),
        gates.check_contract(candidate.bundle, champion),
    ]
    if parameters.approval_tag:
        rows.append(gates.check_approval(candidate.model.tags, parameters.approval_tag))
    return CheckedCandidate(candidate, tuple(rows))


def publish(
    target: Registry,
    checked: CheckedCandidate,
    production: ProductionModel,
    parameters: RegisterRemoteParameters,
) -> Publication:
    """Copy the candidate to the target's registry, unless a version has its digest already.

    Of two promotions at once the lower version stays; each removes only its own.

    Raises:
        RegistryError: The target rejected a request.
    """
    name, candidate = production.name, checked.candidate
    digest = candidate.bundle.digest
    target.delete_orphans(name, digest, parameters.orphan_ttl_seconds)
    existing = target.find_version(name, digest)
    if existing is not None:
        return Publication(existing, created=False)
    created = target.create_version(
        name,
        candidate.bundle.folder,
        digest=digest,
        tags=candidate.tags(),
        description=candidate.description(),
    )
    lowest = target.find_version(name, digest) or created
    if int(lowest.version) < int(created.version):
        target.delete_version(created)
        return Publication(lowest, created=False)
    return Publication(created, created=True)


def verify_copy(
    target: Registry, verifier: Verifier, publication: Publication, checked: CheckedCandidate
) -> tuple[gates.Gate, ...]:
    """Verify the target's copy, and run its graph on its golden set.

    Returns:
        All gates: the candidate's, and the copy's own.

    Raises:
        RegistryError: The copy cannot be downloaded.
        VerificationError: The copy is not the bundle that was signed. The version is removed,
            unless its tags say that it was verified before.
    """
    version = publication.version
    with tempfile.TemporaryDirectory() as folder:
        copy = _fetch_copy(target, verifier, version, Path(folder) / "copy")
        parity = gates.check_parity(golden_difference(copy), CROSS_HOST_TOLERANCE)
    results = (*checked.gates, parity)
    target.tag_version(
        version, {tags.VERIFIED: version.digest, tags.GATE_RESULTS: gates.summarize(results)}
    )
    return results


def report_gates(results: Sequence[gates.Gate]) -> list[gates.Gate]:
    """Return the gates for the report; nothing is decided by what it says."""
    return list(results)


def move_alias(
    *,
    target: Registry,
    checked: CheckedCandidate,
    publication: Publication,
    results: Sequence[gates.Gate],
    production: ProductionModel,
    parameters: RegisterRemoteParameters,
    _report: list[gates.Gate] | None = None,
) -> RegisteredModel:
    """Move the alias, or give a rejected version the challenger's alias and record the reason.

    Args:
        target: The workspace that holds the version.
        checked: The candidate.
        publication: Its version.
        results: All gates.
        production: The registered model and its alias.
        parameters: Names the challenger's alias.
        _report: Written before a rejection ends the run.

    Raises:
        PromotionRejectedError: A gate rejected the candidate; the alias has not moved.
    """
    version, uri = publication.version, checked.candidate.model.uri
    rejections = [gate["note"] for gate in results if not gate["passed"]]
    current = target.get_version_by_alias(production.name, production.alias)
    entry = LedgerEntry(
        action=history.REJECTED if rejections else history.PROMOTED,
        name=version.name,
        alias=production.alias,
        version=version.version,
        digest=version.digest,
        previous_version=current.version if current else "",
        reason="; ".join(rejections)[: tags.MAX_TAG_LENGTH] or f"every gate passed by {uri}",
        gate_results=gates.summarize(results),
    )
    if rejections:
        _reject(target, publication, entry, parameters.challenger_alias)
    record_and_move(target, version, entry)
    return {
        "name": version.name,
        "version": version.version,
        "alias": production.alias,
        "digest": version.digest,
        "workspace": target.workspace(),
        "created": publication.created,
        "source_model": uri,
    }


def _check_workspaces(source: Registry, target: Registry, model_uri: str) -> None:
    if source.workspace() == target.workspace() or target.has_logged_model(model_uri):
        raise PromotionRejectedError(
            f"source {source.workspace()} and target {target.workspace()} are one workspace, "
            "expected two; set source and target in the globals of the environment"
        )


def _fetch_champion(
    target: Registry, verifier: Verifier, production: ProductionModel, cache: Path
) -> Bundle | None:
    """Return the champion's verified bundle, if there is a champion."""
    version = find_champion(target, production)
    if version is None:
        return None
    download = partial(target.download_version, version)
    with name_version(target, version):
        return bundle_cache.get(download, verifier, cache, version.digest)


def _fetch_copy(
    target: Registry, verifier: Verifier, version: ModelVersion, folder: Path
) -> Bundle:
    """Return the verified copy; one that was never verified before is removed where it fails."""
    if tags.VERIFIED in version.tags:
        return fetch_verified(target, version, verifier, folder)
    target.download_version(version, folder)
    try:
        return verify_bundle(folder, verifier, version.digest)
    except VerificationError as error:
        target.delete_version(version)
        raise VerificationError(
            f"{version.name} {version.version} in {target.workspace()}: {error}; the version was "
            "removed: run again"
        ) from error


def _reject(
    target: Registry, publication: Publication, entry: LedgerEntry, challenger_alias: str
) -> None:
    """Record the rejection and give the version the challenger's alias.

    Raises:
        PromotionRejectedError: Always.
    """
    version = publication.version
    recorded = target.append_entry(entry)
    target.tag_version(version, {tags.REJECTED: entry.reason})
    target.set_alias(version, challenger_alias)
    target.complete_entry(recorded)
    raise PromotionRejectedError(
        f"{entry.reason}; {version.name} {version.version} is the {challenger_alias}, and the "
        f"{entry.alias} is unchanged: train a better model"
    )
