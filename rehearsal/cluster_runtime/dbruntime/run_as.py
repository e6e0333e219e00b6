"""The identity that the job of a cluster runs as: the cluster signs in, and renews the token."""

from __future__ import annotations

import json
import os
import time

import httpx

_MARGIN_SECONDS = 40
_token: tuple[str, float] | None = None


def authorize() -> tuple[str, dict[str, str]]:
    """Return the address of the workspace, and the headers of a request."""
    global _token  # noqa: PLW0603  one identity for the process, as on a cluster
    run_as = json.loads(os.environ["REHEARSAL_RUN_AS"])
    if _token is None or time.monotonic() >= _token[1]:
        response = httpx.post(
            f"{run_as['host']}/oidc/v1/token",
            auth=(run_as["client_id"], run_as["client_secret"]),
            data={"grant_type": "client_credentials", "scope": "all-apis"},
        ).raise_for_status()
        fields = response.json()
        until = time.monotonic() + fields["expires_in"] - _MARGIN_SECONDS
        _token = fields["access_token"], until
    return run_as["host"], {"Authorization": f"Bearer {_token[0]}"}
