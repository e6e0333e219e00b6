"""A candidate for production: a logged model, opened from its verified bundle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crosscloud_mnist.bundle import Bundle, Verifier
from crosscloud_mnist.ports import LoggedModel, Registry
from crosscloud_mnist.promotion import bundle_cache, lineage


@dataclass(frozen=True)
class Candidate:
    """A logged model with what its verified bundle says.

    Attributes:
        model: The logged model, as the source workspace records it.
        source_workspace: The workspace that logged it.
        bundle: Its bundle on this machine, verified.
        lineage: From the bundle's signed card.
    """

    model: LoggedModel
    source_workspace: str
    bundle: Bundle
    lineage: lineage.Lineage

    def tags(self) -> dict[str, str]:
        """Return the tags of the version that is made of it."""
        return {
            "source_workspace": self.source_workspace,
            "source_run_id": self.model.run_id,
            "source_model": self.model.uri,
            **lineage.tags(self.lineage),
        }

    def description(self) -> str:
        """Return the same as a sentence, for people."""
        return (
            f"{self.model.uri} of run {self.model.run_id} in {self.source_workspace}, "
            f"{lineage.describe(self.lineage)}."
        )


def open_candidate(source: Registry, verifier: Verifier, uri: str, cache: Path) -> Candidate:
    """Fetch the candidate, unless it is cached, verify it and only then open it.

    Args:
        source: The workspace that logged it.
        verifier: Holds the public key.
        uri: The candidate, ``models:/m-...``.
        cache: Folder of the bundle cache.

    Raises:
        PromotionRejectedError: The card lacks a part of the lineage.
        RegistryError: The source does not have the model.
        VerificationError: It is not the bundle that was signed and recorded.
    """
    model = source.logged_model(uri)
    download = partial(source.download_logged, uri)
    bundle = bundle_cache.get(download, verifier, cache, model.digest)
    read = lineage.read_lineage(bundle.card(), uri)
    return Candidate(model, source.workspace(), bundle, read)
