"""A model shared from one workspace with the other, by the calls that ``docs`` names."""

from __future__ import annotations

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.service.sharing import (
    AuthenticationType,
    PermissionsChange,
    SharedDataObject,
    SharedDataObjectDataObjectType,
    SharedDataObjectUpdate,
    SharedDataObjectUpdateAction,
)

from rehearsal.workspace_process import WorkspaceProcess


def open_client(workspace: WorkspaceProcess) -> WorkspaceClient:
    """Return databricks-sdk's client of a workspace, with its personal access token."""
    return WorkspaceClient(
        config=Config(host=workspace.host, token=workspace.token, auth_type="pat")
    )


def share_model(
    provider: WorkspaceProcess, recipient: WorkspaceProcess, model: str, share: str, catalog: str
) -> None:
    """Share a registered model, and mount the share as a catalog of the recipient.

    Args:
        provider: The workspace that has the model.
        recipient: The workspace that reads it.
        model: Full name of the model at the provider.
        share: Name of the share; created.
        catalog: Name of the catalog at the recipient; created.
    """
    at_provider, at_recipient = open_client(provider), open_client(recipient)
    metastore = at_recipient.metastores.summary().global_metastore_id
    at_provider.recipients.create(
        recipient.name,
        AuthenticationType.DATABRICKS,
        data_recipient_global_metastore_id=metastore,
    )
    at_provider.shares.create(share)
    shared = SharedDataObject(name=model, data_object_type=SharedDataObjectDataObjectType.MODEL)
    added = SharedDataObjectUpdate(action=SharedDataObjectUpdateAction.ADD, data_object=shared)
    at_provider.shares.update(share, updates=[added])
    granted = PermissionsChange(principal=recipient.name, add=["SELECT"])
    at_provider.shares.update_permissions(share, changes=[granted])
    at_recipient.catalogs.create(catalog, provider_name=provider.name, share_name=share)


def stop_sharing(provider: WorkspaceProcess, recipient: WorkspaceProcess, share: str) -> None:
    """Take the recipient's permission to read the share away."""
    revoked = PermissionsChange(principal=recipient.name, remove=["SELECT"])
    open_client(provider).shares.update_permissions(share, changes=[revoked])
