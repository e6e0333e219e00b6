"""What ``register_remote`` writes down, and what its nodes hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from crosscloud_mnist.ports import ModelVersion
from crosscloud_mnist.promotion import AliasTarget
from crosscloud_mnist.promotion.candidate import Candidate
from crosscloud_mnist.promotion.gates import Gate


class CandidateRecord(TypedDict):
    """``candidate.json``. Only ``uri`` is read again: the rest is for people.

    Attributes:
        uri: The logged model or the version, by its number.
        digest: SHA-256 of its bundle, hexadecimal.
        source_workspace: The workspace that it was read from.
        run_id: The training run; ``""`` where that workspace does not know it.
        lineage: Tags of the lineage.
        metrics: Figures of its card.
    """

    uri: str
    digest: str
    source_workspace: str
    run_id: str
    lineage: dict[str, str]
    metrics: dict[str, float]


class RegisteredModel(AliasTarget):
    """``registered_model.json``.

    Attributes:
        created: Whether this run created the version.
        source_model: URI of the logged model or version that it was made of.
    """

    created: bool
    source_model: str


@dataclass(frozen=True)
class CheckedCandidate:
    """A candidate and the gates that it was checked by.

    Attributes:
        candidate: The candidate.
        gates: The gates, in order.
    """

    candidate: Candidate
    gates: tuple[Gate, ...]


@dataclass(frozen=True)
class Publication:
    """The version that holds the candidate's bundle.

    Attributes:
        version: The version.
        created: Whether this run created it.
    """

    version: ModelVersion
    created: bool
