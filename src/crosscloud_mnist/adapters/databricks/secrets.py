"""The secrets with which one workspace reaches another: how they are read and written.

    crosscloud-mnist-secrets --scope data_masters_gcp --prefix data_masters_deploy

writes ``<prefix>-host``, ``<prefix>-token`` and ``<prefix>-workspace-id`` into the scope of the
workspace that ``DATABRICKS_HOST`` names and databricks-sdk signs in to. The other workspace's
values are read from ``REMOTE_HOST``, ``REMOTE_TOKEN`` and ``REMOTE_WORKSPACE_ID``; in a terminal,
missing ones are prompted for. In place of the token, ``REMOTE_CLIENT_ID`` and
``REMOTE_CLIENT_SECRET`` name a service principal; one that trusts the CI job has no secret. None is
printed, and none is an argument.
"""

from __future__ import annotations

import getpass
import os
import sys
from base64 import b64decode
from collections.abc import Mapping

import click

from crosscloud_mnist.adapters.databricks.access import own_process_config
from crosscloud_mnist.adapters.databricks.workspace import (
    connect,
    translate_errors,
)
from crosscloud_mnist.errors import ConfigurationError, CrosscloudError, RegistryError
from crosscloud_mnist.isolation.process_config import ProcessConfig

_REMOTE = {
    "host": "REMOTE_HOST",
    "token": "REMOTE_TOKEN",
    "client-id": "REMOTE_CLIENT_ID",
    "client-secret": "REMOTE_CLIENT_SECRET",
    "workspace-id": "REMOTE_WORKSPACE_ID",
}
_SHOWN = ("host", "client-id", "workspace-id")
_REQUIRED = ("host", "workspace-id")


class SecretScopes:
    """The secret scopes of this process's workspace."""

    @staticmethod
    def process_config(
        options: Mapping[str, object], credentials: Mapping[str, object]
    ) -> ProcessConfig:
        """Return what the process of this workspace is given: see ``ProcessConfig``."""
        return own_process_config(options, credentials)

    def read(self, scope: str, prefix: str) -> dict[str, str]:
        """Return the scope's secrets of that prefix: ``host``, ``token``, ``workspace-id``, ...

        This is for code outside a cluster, by ``GET /api/2.0/secrets/get``; on a cluster
        ``runtime.py`` reads them: https://docs.databricks.com/api/workspace/secrets/getsecret

        Raises:
            RegistryError: The workspace does not respond, or there is no such scope.
        """
        client, _ = connect(None, RegistryError)
        with translate_errors(f"the secrets of scope {scope}", None, RegistryError):
            existing = {secret.key or "" for secret in client.secrets.list_secrets(scope)}
            keys = {name: f"{prefix}-{name}" for name in _REMOTE}
            values = {
                name: client.secrets.get_secret(scope, key).value
                for name, key in keys.items()
                if key in existing
            }
        return {name: b64decode(value or "").decode() for name, value in values.items()}

    def write(self, scope: str, prefix: str, values: Mapping[str, str]) -> list[str]:
        """Write the secrets of that prefix; the scope is created if it does not exist.

        Returns:
            The names written.

        Raises:
            RegistryError: The workspace does not respond, or rejects the request.
        """
        client, _ = connect(None, RegistryError)
        with translate_errors(f"the secrets of scope {scope}", None, RegistryError):
            if scope not in {existing.name for existing in client.secrets.list_scopes()}:
                client.secrets.create_scope(scope)
            for name, value in values.items():
                client.secrets.put_secret(scope, f"{prefix}-{name}", string_value=value)
        return [f"{prefix}-{name}" for name in values]


def _read_remote() -> dict[str, str]:
    """Read the other workspace's values from the environment; prompt for missing ones."""
    values = {name: os.environ.get(variable, "") for name, variable in _REMOTE.items()}
    required = _REQUIRED if values["client-id"] else (*_REQUIRED, "token")
    for name in required:
        if values[name] or not sys.stdin.isatty():
            continue
        prompt = input if name in _SHOWN else getpass.getpass
        values[name] = prompt(f"{name} of the other workspace: ").strip()
    missing = [_REMOTE[name] for name in required if not values[name]]
    if missing:
        raise ConfigurationError(
            f"{', '.join(missing)} not set, expected the values of the other workspace; set them, "
            "or run the command in a terminal, which prompts for them"
        )
    unused = ("token",) if values["client-id"] else ("client-id", "client-secret")
    return {name: value for name, value in values.items() if value and name not in unused}


@click.command(help=__doc__)
@click.option("--scope", required=True, help="Secret scope; created if it does not exist.")
@click.option("--prefix", required=True, help="What the secrets' names begin with.")
def main(scope: str, prefix: str) -> None:
    """Write the secrets of another workspace into a scope of this one."""
    try:
        if not os.environ.get("DATABRICKS_HOST"):
            raise ConfigurationError(
                "DATABRICKS_HOST not set, expected the address of the workspace that keeps the "
                "secrets; set it"
            )
        names = SecretScopes().write(scope, prefix, _read_remote())
    except CrosscloudError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Written to scope {scope} of {os.environ['DATABRICKS_HOST']}: {', '.join(names)}")


if __name__ == "__main__":
    main()
