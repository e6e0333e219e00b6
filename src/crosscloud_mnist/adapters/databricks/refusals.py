"""Refused changes of a registered model, in one line that names who owns it.

Creating a version needs ownership, ``MANAGE`` or ``CREATE MODEL VERSION``; moving an alias needs
ownership or ``MANAGE``; creating the model needs ``CREATE MODEL`` on its schema:
https://docs.databricks.com/aws/en/machine-learning/manage-model-lifecycle/upgrade-workflows
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.redaction import summarize

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


class Identity(Protocol):
    """Who this process is, and where: see ``WorkspaceClients``."""

    def workspace(self) -> str: ...  # noqa: D102
    def user(self) -> str: ...  # noqa: D102
    def sdk(self) -> WorkspaceClient: ...  # noqa: D102


@contextmanager
def name_owner(identity: Identity, model: str | None) -> Iterator[None]:
    """Raise a refusal in the block as an error that names the model, its owner and what is needed.

    Args:
        identity: Of this process.
        model: The registered model that the block changes; ``None`` if it changes none.

    Raises:
        RegistryError: The workspace refused the change.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if model is None or error.error_code != "PERMISSION_DENIED":
            raise
        raise RegistryError(_describe_refusal(identity, model, summarize(error.message))) from error


def _describe_refusal(identity: Identity, model: str, reason: str) -> str:
    from databricks.sdk.errors import NotFound
    from databricks.sdk.errors.base import DatabricksError

    workspace, user = identity.workspace(), identity.user()
    try:
        owner = identity.sdk().registered_models.get(model).owner or "somebody else"
    except NotFound:
        return (
            f"{user} may not create the registered model {model} in {workspace} ({reason}), "
            "expected one that exists and that it owns: apply infra/terraform, which creates it, "
            "or ask for CREATE MODEL on its schema; see docs/permissions.md"
        )
    except DatabricksError:
        owner = "somebody else"
    return (
        f"{user} may not change the registered model {model} in {workspace}, which {owner} owns "
        f"({reason}); creating a version and moving an alias need its ownership or MANAGE: ask "
        f"{owner} for it; see docs/permissions.md"
    )
