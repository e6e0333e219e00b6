"""A candidate for production: a logged model or a version, opened from its verified bundle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crosscloud_mnist.bundle import Bundle, Verifier
from crosscloud_mnist.errors import PromotionRejectedError
from crosscloud_mnist.ports import LoggedModel, Registry
from crosscloud_mnist.promotion import bundle_cache, lineage
from crosscloud_mnist.promotion.tags import shorten


@dataclass(frozen=True)
class Candidate:
    """A logged model, or a version, with what its verified bundle says.

    Attributes:
        model: As the source workspace records it.
        source_workspace: The workspace that it was read from.
        bundle: Its bundle on this machine, verified.
        lineage: From the bundle's signed card.
    """

    model: LoggedModel
    source_workspace: str
    bundle: Bundle
    lineage: lineage.Lineage

    def tags(self) -> dict[str, str]:
        """Return the tags of the version that is made of it.

        Of a version that a promotion made, ``origin_*`` says what that one was made of, where its
        tags can be read.
        """
        source = {
            "source_workspace": self.source_workspace,
            "source_run_id": self.model.run_id,
            "source_model": self.model.uri,
        }
        origin = {
            name.replace("source_", "origin_"): self.model.tags.get(name, "") for name in source
        }
        known = {name: value for name, value in {**source, **origin}.items() if value}
        values = {**known, **lineage.tags(self.lineage)}
        return {name: shorten(value) for name, value in values.items()}

    def description(self) -> str:
        """Return the same as a sentence, for people."""
        run = f" of run {self.model.run_id}" if self.model.run_id else ""
        return (
            f"{self.model.uri}{run} in {self.source_workspace}, {lineage.describe(self.lineage)}."
        )


def open_candidate(
    source: Registry, verifier: Verifier, uri: str, cache: Path, digest: str | None
) -> Candidate:
    """Fetch the candidate, unless it is cached, verify it and only then open it.

    Args:
        source: The workspace that it is read from.
        verifier: Holds the public key.
        uri: The candidate: ``models:/m-...``, ``models:/name/1`` or ``models:/name@alias``.
        cache: Folder of the bundle cache.
        digest: The digest that it must have, SHA-256, hexadecimal; ``None`` takes the recorded one.

    Raises:
        PromotionRejectedError: Its digest is not recorded, or not the one it must have; or the card
            lacks a part of the lineage.
        RegistryError: The source does not have the model.
        VerificationError: It is not the bundle that was signed and recorded.
    """
    model = source.logged_model(uri)
    expected = _expect_digest(model, source.workspace(), digest)
    download = partial(source.download_logged, model.uri)
    bundle = bundle_cache.get(download, verifier, cache, expected)
    read = lineage.read_lineage(bundle.card(), model.uri)
    return Candidate(model, source.workspace(), bundle, read)


def _expect_digest(model: LoggedModel, workspace: str, digest: str | None) -> str:
    """Return the digest that the bundle must have."""
    if digest and model.digest and digest != model.digest:
        raise PromotionRejectedError(
            f"{model.uri} in {workspace} has the digest {model.digest}, expected {digest}, which "
            "register_remote.digest names; name the model that you mean, or its own digest"
        )
    expected = digest or model.digest
    if not expected:
        raise PromotionRejectedError(
            f"{model.uri} in {workspace} shows no digest, neither as a tag nor in its description, "
            "expected the one that was recorded when it was registered; name it with --params "
            "register_remote.digest=... (registered_model.json of that run has it)"
        )
    return expected
