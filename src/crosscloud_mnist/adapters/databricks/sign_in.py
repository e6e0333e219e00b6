"""Signing in to a workspace without a secret, by what databricks-sdk finds in this process.

The SDK tries, in its own order (databricks/sdk/credentials_provider.py, ``DefaultCredentials``): an
OIDC token of the environment, of a file, of GitHub Actions or of Azure DevOps, which it exchanges
for a token of the workspace; the Azure CLI; a profile of the Databricks CLI; and the identity that
a cluster runs as. Only this process can use them, so it signs in for a workspace's own process.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.isolation.process_config import Authorization
from crosscloud_mnist.reachability import check_reachable
from crosscloud_mnist.redaction import summarize
from crosscloud_mnist.token_rejection import EXPIRY_MARGIN_SECONDS

if TYPE_CHECKING:
    from databricks.sdk.core import Config

TIMEOUT_SECONDS = 60
_UNKNOWN_FRESH_SECONDS = 30.0  # where the SDK does not tell when the token expires
# The ways that prove an identity to any workspace that trusts its issuer.
_FEDERATED = ("env-oidc", "file-oidc", "github-oidc", "azure-devops-oidc")
_ID_TOKEN_FIELDS = ("oidc_token_env", "oidc_token_filepath", "token_audience")
_VARIABLES = (
    "DATABRICKS_HOST",
    "DATABRICKS_CLIENT_ID",
    "DATABRICKS_CONFIG_PROFILE",
    "DATABRICKS_AUTH_TYPE",
    "DATABRICKS_OIDC_TOKEN",
    "DATABRICKS_OIDC_TOKEN_FILEPATH",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "SYSTEM_ACCESSTOKEN",
    "DATABRICKS_RUNTIME_VERSION",
)
_WAYS = (
    "DATABRICKS_TOKEN; DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET; DATABRICKS_CLIENT_ID "
    "with an OIDC token of GitHub Actions (permission id-token: write), of Azure DevOps "
    "(SYSTEM_ACCESSTOKEN), DATABRICKS_OIDC_TOKEN, or DATABRICKS_OIDC_TOKEN_FILEPATH and "
    "DATABRICKS_AUTH_TYPE=file-oidc; a profile of the Databricks CLI (DATABRICKS_CONFIG_PROFILE); "
    "or the identity that a cluster runs as"
)


class WorkspaceSignIn:
    """Signs in to one workspace: see ``isolation.process_config.SignIn``.

    Args:
        host: The workspace's address; ``None`` takes that of the profile or of the cluster.
        client_id: Of the service principal, where an OIDC token signs in.
        is_other: Whether it is not the workspace of this process's environment. Then nothing of
            the environment counts but its OIDC token: an address, a token or a profile in it is of
            this workspace.
    """

    def __init__(
        self, host: str | None, client_id: str | None = None, *, is_other: bool = False
    ) -> None:
        self._host, self._client_id, self._is_other = host, client_id, is_other
        self._config: Config | None = None
        self._lock = threading.Lock()

    @property
    def identity(self) -> str:
        """Which workspace and service principal."""
        return repr((self._host, self._client_id, self._is_other))

    def find_host(self) -> tuple[str, str | None]:
        """Return the workspace's address, and its id where the SDK knows it.

        Raises:
            ConfigurationError: There is no way to sign in.
        """
        with self._lock:
            self._config = self._config or self._configure()
        if not self._config.host:
            raise ConfigurationError(
                "the address of the workspace is not known, expected it in DATABRICKS_HOST, in a "
                "profile of the Databricks CLI or on a cluster; set DATABRICKS_HOST"
            )
        return self._config.host, getattr(self._config, "workspace_id", None)

    def authorize(self, *, renew: bool) -> Authorization:
        """Return the headers of the next requests: see ``SignIn``.

        Raises:
            ConfigurationError: There is no way to sign in.
            RegistryError: The workspace rejects the identity, or does not respond.
        """
        with self._lock:
            if self._config is None or renew:
                self._config = self._configure()  # a new one, which has kept no token
            config = self._config
            try:
                headers = dict(config.authenticate())
                return Authorization(headers, _fresh_seconds(config))
            except Exception as error:  # each way of signing in has errors of its own
                raise RegistryError(
                    f"{config.host} rejected the sign-in by {config.auth_type}: "
                    f"{summarize(str(error))}; check that the service principal's federation "
                    "policy names this issuer, subject and audience, or sign in again"
                ) from error

    def _configure(self) -> Config:
        if self._host:  # the SDK would try to reach it for minutes
            check_reachable(self._host, "a Databricks workspace", RegistryError)
        config = self._configure_other() if self._is_other else self._configure_own()
        if self._host and urlsplit(config.host).netloc != urlsplit(self._host).netloc:
            raise ConfigurationError(  # a cluster's identity is of the cluster's workspace
                f"the workspace is {self._host}, but {config.auth_type} signs in to {config.host}, "
                "expected one workspace; unset DATABRICKS_HOST, or set a token or a client id"
            )
        return config

    def _configure_own(self) -> Config:
        given = {"host": self._host, "client_id": self._client_id}
        try:
            return _create_config(**{name: value for name, value in given.items() if value})
        except ValueError as error:
            raise ConfigurationError(
                f"no way to sign in to {self._host or 'the workspace'} was found "
                f"({summarize(_first_sentence(error))}; set here: {_list_variables()}), expected "
                f"one of: {_WAYS}"
            ) from error

    def _configure_other(self) -> Config:
        from databricks.sdk.core import Config

        # The SDK reads a field from the environment unless it is given, so each one is.
        fields = {
            attribute.name: ""
            for attribute in Config.attributes()
            if attribute.env and attribute.transform is str
        }
        for name in _ID_TOKEN_FIELDS:
            fields.pop(name, None)
        fields |= {"host": self._host or "", "client_id": self._client_id or ""}
        for auth_type in _FEDERATED:
            try:
                return _create_config(**{**fields, "auth_type": auth_type})
            except ValueError:
                continue
        raise ConfigurationError(
            f"no way to sign in to {self._host} as {self._client_id} was found (tried "
            f"{', '.join(_FEDERATED)}), expected the OIDC token of a CI job; run this there, or "
            "add the client-secret or the token to the secret scope"
        )


def _create_config(**fields: Any) -> Config:
    from databricks.sdk.core import Config

    return Config(
        retry_timeout_seconds=TIMEOUT_SECONDS, http_timeout_seconds=TIMEOUT_SECONDS, **fields
    )


def _fresh_seconds(config: Config) -> float:
    try:
        expiry = config.oauth_token().expiry
    except ValueError:  # not OAuth: the cluster's identity, for example
        expiry = None
    if expiry is None:
        return _UNKNOWN_FRESH_SECONDS
    left = (expiry - datetime.now(tz=expiry.tzinfo)).total_seconds()
    return max(0.0, left - EXPIRY_MARGIN_SECONDS)


def _list_variables() -> str:
    names = [name for name in _VARIABLES if os.environ.get(name)]
    return ", ".join(names) or "none"


def _first_sentence(error: Exception) -> str:
    """Return the SDK's reason without the configuration, which it appends."""
    return str(error).partition(". Config:")[0].partition(", please check")[0]
