"""What ``rollback`` writes down, and what its nodes hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from crosscloud_mnist.ports import ModelVersion
from crosscloud_mnist.promotion import AliasTarget


class RollbackResult(AliasTarget):
    """``rollback_result.json``.

    Attributes:
        previous_version: The version that the alias pointed to before.
        reason: Why production was changed.
    """

    previous_version: str
    reason: str


@dataclass(frozen=True)
class PlannedRollback:
    """From which version to which.

    Attributes:
        current: The version in production.
        restored: The good version before it.
    """

    current: ModelVersion
    restored: ModelVersion
