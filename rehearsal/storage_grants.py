"""Short-lived tokens of the cloud storage: a SAS, a GCS token, or the signature of a URL.

A workspace signs what may be done, and the storage verifies it: the two share only the key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

_LIFETIME_SECONDS = 3600.0


@dataclass(frozen=True)
class Grant:
    """What the bearer of a token may do.

    Attributes:
        root: Folder on this machine, or bucket of the GCS emulator, that the paths are in.
        prefix: The path, or the folder, that may be used.
        can_write: Whether it may be written; it may always be read.
        expires: Seconds since the epoch.
    """

    root: str
    prefix: str
    can_write: bool
    expires: float

    def allows(self, path: str, *, writes: bool) -> bool:
        """Whether the path may be read, or written."""
        parts = PurePosixPath(path).parts
        within = parts[: len(PurePosixPath(self.prefix).parts)] == PurePosixPath(self.prefix).parts
        return within and ".." not in parts and (self.can_write or not writes)

    def file(self, path: str) -> Path:
        """Return where the path is on this machine."""
        return Path(self.root) / path


def issue_token(key: str, root: str | Path, prefix: str, *, can_write: bool) -> str:
    """Return a token of a new grant."""
    grant = Grant(str(root), prefix, can_write, time.time() + _LIFETIME_SECONDS)
    content = urlsafe_b64encode(json.dumps(asdict(grant)).encode()).decode().rstrip("=")
    return f"{content}.{_sign(key, content)}"


def verify_token(key: str, token: str) -> Grant | None:
    """Return the grant of the token, unless it is forged or expired."""
    content, _, signature = token.partition(".")
    if not hmac.compare_digest(signature, _sign(key, content)):
        return None
    padded = content + "=" * (-len(content) % 4)
    grant = Grant(**json.loads(urlsafe_b64decode(padded)))
    return grant if time.time() < grant.expires else None


def _sign(key: str, content: str) -> str:
    return hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest()
