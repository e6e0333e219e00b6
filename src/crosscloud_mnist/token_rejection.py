"""How a service rejects a bearer token that has expired, and how soon before its end.

Databricks answers 401, or 403 with one of these texts, the second one from 30 s before the end:
https://github.com/databricks/cli/issues/4768 ("Invalid Token"),
https://github.com/databricks/databricks-vscode/issues/583 ("Token is expiring within 30 seconds").
"""

from __future__ import annotations

import re

# As databricks-sdk renews one: databricks/sdk/oauth.py, ``Token.expired``.
EXPIRY_MARGIN_SECONDS = 40.0
UNAUTHORIZED, FORBIDDEN = 401, 403
_INVALID_TOKEN = re.compile(rb"invalid (access )?token|token (is )?expir", re.IGNORECASE)


def is_token_rejected(status: int, content: bytes) -> bool:
    """Whether a response says that the token is the reason: another one may be accepted.

    Args:
        status: HTTP status.
        content: The body, which counts where the status is 403.
    """
    if status == FORBIDDEN:
        return _INVALID_TOKEN.search(content) is not None
    return status == UNAUTHORIZED
