"""The parameters of ``register_remote``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_Fraction = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RegisterRemoteParameters:
    """The parameters ``register_remote``.

    Attributes:
        model: URI of the logged model or version to promote, or ``last_trained``; the catalog's
            ``model_uri`` reads it.
        digest: The digest that its bundle must have, SHA-256, hexadecimal; ``None`` takes the one
            that the source workspace recorded.
        require_other_workspace: Whether a logged model must be of another workspace than the
            target.
        challenger_alias: Alias of a version that a gate rejected.
        minimum_accuracy: On the test set, 0 to 1.
        significance: Of McNemar's test, 0 to 1: below it the candidate is worse than the champion.
        require_same_test_set: Whether candidate and champion must have been tested on the same
            images.
        approval_tag: Tag that a person sets on the logged model; ``None`` asks for no approval.
        bundle_cache: Folder of the bundles that were fetched.
        remove_version: Number of a version that cannot be verified, to be removed first; ``None``
            removes none.
        orphan_ttl_seconds: Age from which the remains of an interrupted promotion are removed.
    """

    model: str | None
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    require_other_workspace: bool
    challenger_alias: str
    minimum_accuracy: _Fraction
    significance: _Fraction
    require_same_test_set: bool
    approval_tag: str | None
    bundle_cache: Path
    remove_version: Annotated[int, Field(ge=1)] | None
    orphan_ttl_seconds: Annotated[float, Field(ge=0)]
