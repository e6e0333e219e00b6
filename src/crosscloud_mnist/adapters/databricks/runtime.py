"""What only the driver of a Databricks cluster has: ``dbutils``.

It is an object of the driver's process: the workspace's own process does not have it, and nothing
outside a cluster has it. Reading a secret by it is what Databricks documents for code on a cluster:
https://docs.databricks.com/aws/en/security/secrets/
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.redaction import summarize


def read_secrets(scope: str, prefix: str, names: Sequence[str]) -> dict[str, str] | None:
    """Return the secrets ``<prefix>-<name>`` of the scope that exist, by name.

    Returns:
        ``None`` where this process is not the driver of a cluster.

    Raises:
        RegistryError: The scope does not exist, or may not be read.
    """
    dbutils = _find_dbutils()
    if dbutils is None:
        return None
    try:
        existing = {secret.key for secret in dbutils.secrets.list(scope)}
        return {
            name: dbutils.secrets.get(scope=scope, key=f"{prefix}-{name}")
            for name in names
            if f"{prefix}-{name}" in existing
        }
    except Exception as error:  # a Py4JJavaError, or what dbutils of this runtime raises
        raise RegistryError(
            f"the secrets of scope {scope} cannot be read by dbutils: {summarize(str(error))}; "
            "check that the scope exists and that this job's identity has READ on it"
        ) from error


def _find_dbutils() -> Any:
    """Return the runtime's own ``dbutils``, or ``None``.

    Without ``dbruntime`` the SDK's import would build a remote one, and sign in for it
    (databricks/sdk/runtime/__init__.py).
    """
    if "DATABRICKS_RUNTIME_VERSION" not in os.environ or find_spec("dbruntime") is None:
        return None
    from databricks.sdk import runtime

    return None if runtime.is_local_implementation else runtime.dbutils
