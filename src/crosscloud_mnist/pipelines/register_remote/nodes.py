"""Nodes of ``register_remote`` that only read: the candidate is fetched and passes the gates.

``publication`` has the nodes that write to production.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from crosscloud_mnist.bundle import Bundle, Verifier
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import PromotionRejectedError
from crosscloud_mnist.pipelines.register_remote.parameters import RegisterRemoteParameters
from crosscloud_mnist.pipelines.register_remote.records import CandidateRecord, CheckedCandidate
from crosscloud_mnist.ports import Registry, parse_version_uri
from crosscloud_mnist.promotion import (
    ProductionModel,
    bundle_cache,
    find_champion,
    gates,
    lineage,
    name_version,
)
from crosscloud_mnist.promotion.candidate import open_candidate

logger = logging.getLogger(__name__)


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
        source: The workspace that it is read from.
        target: The workspace that it goes to.
        verifier: Holds the public key.
        model_uri: The candidate: a logged model, or a version of another registered model.
        production: The registered model and its alias; the champion's bundle stays cached.
        parameters: For the bundle cache, and what is expected of the candidate.
        _removed: Unused; it makes Kedro run ``remove_version`` first, so that a removed version is
            not taken for the champion.

    Raises:
        PromotionRejectedError: Source and target are one workspace or one registered model, the
            digest is not the expected one, or the card lacks lineage.
        RegistryError: The source does not have the model.
        VerificationError: It is not the bundle that was signed and recorded.
    """
    _check_source(source, target, model_uri, production, parameters)
    logger.info("promoting from %s to %s", source.workspace(), target.workspace())
    champion = find_champion(target, production)
    keep = champion.digest if champion else None
    bundle_cache.evict(parameters.bundle_cache, parameters.orphan_ttl_seconds, keep)
    candidate = open_candidate(
        source, verifier, model_uri, parameters.bundle_cache, parameters.digest
    )
    return {
        "uri": candidate.model.uri,
        "digest": candidate.bundle.digest,
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
    contract: Contract,
    parameters: RegisterRemoteParameters,
) -> CheckedCandidate:
    """Check the candidate by every gate.

    Only the candidate's URI is taken from ``record``, a file that anyone may have edited. What the
    gates decide by is read again: from the verified bundle, the approval from the source, and the
    champion from the ledger, as anyone who may write to the registry can move the alias.

    Args:
        source: The workspace that the candidate is read from.
        target: The workspace whose champion it is compared with.
        verifier: Holds the public key; the champion is opened only once verified.
        record: As ``fetch_candidate`` returned it.
        production: The registered model and its alias.
        contract: What the first version must take and return.
        parameters: The thresholds.

    Raises:
        PromotionRejectedError: Source and target are one workspace or one registered model, the
            digest is not the expected one, or the card lacks lineage.
        RegistryError: A workspace does not have the bundle.
        VerificationError: A bundle is not the one that was signed and recorded.
    """
    uri = record["uri"]
    _check_source(source, target, uri, production, parameters)
    candidate = open_candidate(source, verifier, uri, parameters.bundle_cache, parameters.digest)
    champion = _fetch_champion(target, verifier, production, parameters.bundle_cache)
    if champion and champion.digest == candidate.bundle.digest:
        champion = None  # a promotion run again: the candidate is not compared with itself
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
        gates.check_contract(candidate.bundle, champion, contract),
    ]
    if parameters.approval_tag:
        rows.append(gates.check_approval(candidate.model.tags, parameters.approval_tag))
    return CheckedCandidate(candidate, tuple(rows))


def _check_source(
    source: Registry,
    target: Registry,
    model_uri: str,
    production: ProductionModel,
    parameters: RegisterRemoteParameters,
) -> None:
    """Check that the candidate is not of the registered model that it goes to.

    A version may be in the target's own workspace, such as in a catalog that Delta Sharing mounts
    there. A logged model must be of another workspace, unless the parameters allow the same one.
    """
    version = parse_version_uri(model_uri)
    if version is not None:
        same_name = version.name.lower() == production.name.lower()  # Unity Catalog ignores case
        if same_name and source.registry_id() == target.registry_id():
            raise PromotionRejectedError(
                f"{model_uri} is a version of {production.name} in {target.workspace()}, the model "
                "that it would be registered as, expected one of another model; to serve an older "
                "version, use kedro run --pipelines rollback"
            )
    elif parameters.require_other_workspace and (
        source.workspace() == target.workspace() or target.has_logged_model(model_uri)
    ):
        raise PromotionRejectedError(
            f"source {source.workspace()} and target {target.workspace()} are one workspace, "
            "expected two; set source and target in the globals of the environment, or add "
            "--params register_remote.require_other_workspace=false to register the model where "
            "it was trained, such as for a share"
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
