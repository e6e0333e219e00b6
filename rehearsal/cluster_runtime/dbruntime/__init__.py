"""What only the driver of a cluster has, as strictly as databricks-sdk expects it.

``databricks.sdk.runtime`` imports ``dbruntime``, which exists on a cluster alone, and takes
``dbutils`` from the namespace that its initializer builds (databricks/sdk/runtime/__init__.py).
Put the folder above on ``PYTHONPATH`` and name the identity that the job runs as in
``REHEARSAL_RUN_AS``: JSON with ``host``, ``client_id`` and ``client_secret``.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any, NamedTuple

import httpx

from .run_as import authorize


class SecretMetadata(NamedTuple):
    """One secret, without its value."""

    key: str


class _Secrets:
    """``dbutils.secrets``."""

    def get(self, scope: str, key: str) -> str:
        """Return a secret."""
        for secret in self.list(scope):
            if secret.key == key:
                value = _get("/api/2.0/secrets/get", scope=scope, key=key)["value"]
                return b64decode(value).decode()
        raise _java_error(f"Secret does not exist with scope: {scope} and key: {key}")

    def list(self, scope: str) -> list[SecretMetadata]:
        """List the secrets of a scope."""
        body = _get("/api/2.0/secrets/list", scope=scope)
        return [SecretMetadata(each["key"]) for each in body["secrets"]]


class _DBUtils:
    secrets = _Secrets()


class UserNamespaceInitializer:
    """Builds the names that a notebook has from the start."""

    @classmethod
    def getOrCreate(cls) -> UserNamespaceInitializer:  # noqa: N802  as the runtime calls it
        """Return the initializer of this process."""
        return cls()

    def get_namespace_globals(self) -> dict[str, Any]:
        """Return the names by which a notebook finds them."""
        return {"dbutils": _DBUtils()}


def _get(path: str, **parameters: str) -> Any:
    host, headers = authorize()
    response = httpx.get(f"{host}{path}", params=parameters, headers=headers, timeout=30)
    if response.is_error:
        raise _java_error(response.json()["message"])
    return response.json()


def _java_error(message: str) -> Exception:
    """Return an error with the text of one that Py4J raises: several lines."""
    return RuntimeError(
        "An error occurred while calling o1.get.\n"
        f": java.lang.IllegalArgumentException: {message}\n\tat com.databricks.dbutils_v1"
    )
