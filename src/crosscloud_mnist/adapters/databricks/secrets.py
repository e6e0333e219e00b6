"""The secrets with which one workspace reaches another: read, and written by a command.

    crosscloud-mnist-secrets --scope data_masters_gcp --prefix data_masters_deploy

writes ``<prefix>-host``, ``<prefix>-token`` and ``<prefix>-workspace-id`` into the scope of the
workspace that ``DATABRICKS_HOST`` and ``DATABRICKS_TOKEN`` name. The other workspace's values are
taken from ``REMOTE_HOST``, ``REMOTE_TOKEN`` (or ``REMOTE_CLIENT_ID`` and ``REMOTE_CLIENT_SECRET``)
and ``REMOTE_WORKSPACE_ID``, or asked for; none is printed, and none is an argument.
"""

from __future__ import annotations

import getpass
import os
import sys
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import click

from crosscloud_mnist.adapters.databricks.workspace import connect, translate_errors
from crosscloud_mnist.errors import ConfigurationError, CrosscloudError, RegistryError

_REMOTE = {
    "host": "REMOTE_HOST",
    "token": "REMOTE_TOKEN",
    "client-id": "REMOTE_CLIENT_ID",
    "client-secret": "REMOTE_CLIENT_SECRET",
    "workspace-id": "REMOTE_WORKSPACE_ID",
}
_SHOWN = ("host", "client-id", "workspace-id")
_NEEDED = ("host", "workspace-id")


class SecretScopes:
    """The secret scopes of this process's workspace."""

    @staticmethod
    def access(
        options: Mapping[str, Any], credentials: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what a process of its own is given: see ``isolation.ProcessProxy``."""
        return dict(options), dict(credentials)

    def read(self, scope: str, prefix: str) -> dict[str, str]:
        """Return the scope's secrets of that prefix: ``host``, ``token``, ``workspace-id``, ...

        Raises:
            RegistryError: The workspace does not answer, or there is no such scope.
        """
        client, _ = connect(None, RegistryError)
        with translate_errors(f"the secrets of scope {scope}", None, RegistryError):
            known = {secret.key or "" for secret in client.secrets.list_secrets(scope)}
            wanted = {name: f"{prefix}-{name}" for name in _REMOTE if f"{prefix}-{name}" in known}
            values = {n: client.secrets.get_secret(scope, key).value for n, key in wanted.items()}
        return {name: b64decode(value or "").decode() for name, value in values.items()}

    def write(self, scope: str, prefix: str, values: Mapping[str, str]) -> list[str]:
        """Write the secrets of that prefix, and make the scope where it is missing.

        Returns:
            The names written.

        Raises:
            RegistryError: The workspace does not answer, or says no.
        """
        client, _ = connect(None, RegistryError)
        with translate_errors(f"the secrets of scope {scope}", None, RegistryError):
            if scope not in {known.name for known in client.secrets.list_scopes()}:
                client.secrets.create_scope(scope)
            for name, value in values.items():
                client.secrets.put_secret(scope, f"{prefix}-{name}", string_value=value)
        return [f"{prefix}-{name}" for name in values]


def _remote() -> dict[str, str]:
    """Take the other workspace's values from the environment; ask for what is missing."""
    given = {name: os.environ.get(variable, "") for name, variable in _REMOTE.items()}
    asked = ["client-secret"] if given["client-id"] else ["token"]
    for name in (*_NEEDED, *asked):
        if given[name] or not sys.stdin.isatty():
            continue
        ask = input if name in _SHOWN else getpass.getpass
        given[name] = ask(f"{name} of the other workspace: ").strip()
    missing = [_REMOTE[name] for name in (*_NEEDED, *asked) if not given[name]]
    if missing:
        raise ConfigurationError(
            f"{', '.join(missing)} not set, expected the values of the other workspace; set them, "
            "or run the command in a terminal, where it asks"
        )
    unwanted = ("token",) if given["client-id"] else ("client-id", "client-secret")
    return {name: value for name, value in given.items() if value and name not in unwanted}


@click.command(help=__doc__)
@click.option("--scope", required=True, help="Secret scope; made where it is missing.")
@click.option("--prefix", required=True, help="What the secrets' names begin with.")
def main(scope: str, prefix: str) -> None:
    """Write the secrets of another workspace into a scope of this one."""
    try:
        if not os.environ.get("DATABRICKS_HOST"):
            raise ConfigurationError(
                "DATABRICKS_HOST not set, expected the workspace that keeps the secrets"
            )
        names = SecretScopes().write(scope, prefix, _remote())
    except CrosscloudError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Written to scope {scope} of {os.environ['DATABRICKS_HOST']}: {', '.join(names)}")


if __name__ == "__main__":
    main()
