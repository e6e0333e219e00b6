"""Nodes of ``register_remote`` that write to production: publish, verify, move the alias."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Bundle, Verifier, golden_difference
from crosscloud_mnist.errors import PromotionRejectedError, VerificationError
from crosscloud_mnist.pipelines.register_remote.parameters import RegisterRemoteParameters
from crosscloud_mnist.pipelines.register_remote.records import (
    CheckedCandidate,
    Publication,
    RegisteredModel,
)
from crosscloud_mnist.ports import LedgerEntry, ModelVersion, Registry
from crosscloud_mnist.promotion import (
    ProductionModel,
    fetch_verified,
    gates,
    history,
    record_and_move,
    tags,
    verify_bundle,
)
from crosscloud_mnist.promotion.removal import remove_unverifiable


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
        _report: Unused; it makes Kedro run ``report_gates`` first, so that the report is written
            before a rejection ends the run.

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
        reason=tags.shorten("; ".join(rejections)) or f"every gate passed by {uri}",
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
) -> NoReturn:
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
