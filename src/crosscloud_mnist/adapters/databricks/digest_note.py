"""The bundle's digest at the end of a version's description.

A version has its digest as a tag. Delta Sharing is documented to carry a registered model's tags
(``DeltaSharingFunction`` in ``databricks/sdk/service/sharing.py``), not those of its versions, so
that a recipient may see none. The description is the second place from which it is read.
"""

from __future__ import annotations

import re

_NOTE = re.compile(r"Bundle digest: ([0-9a-f]{64})\.")


def add_digest(description: str, digest: str) -> str:
    """Return the description with the digest (SHA-256, hexadecimal) at its end."""
    return f"{description} Bundle digest: {digest}.".strip()


def read_digest(description: str | None) -> str:
    """Return the last digest in the description; ``""`` if there is none."""
    found = _NOTE.findall(description or "")
    return found[-1] if found else ""
