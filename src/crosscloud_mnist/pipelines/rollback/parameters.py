"""The parameters of ``rollback``."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RollbackParameters:
    """The parameters ``rollback``.

    Attributes:
        reason: Why production is changed; the ledger keeps it.
    """

    reason: str
