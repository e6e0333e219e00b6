"""What a principal may do with a registered model in Unity Catalog.

https://docs.databricks.com/aws/en/data-governance/unity-catalog/manage-privileges/privileges
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request

from rehearsal.grants import ADMINISTERS, APPROVES, GOVERNED_TAGS
from rehearsal.tokens import Principal
from rehearsal.unity_catalog_store import model_not_found, owner_of
from rehearsal.unity_catalog_switches import read_switches
from rehearsal.workspace import ApiError, workspace_of


def principal_of(request: Request) -> str:
    """Return the user or service principal whose token the request has."""
    principal: Principal = request.scope["rehearsal.principal"]
    return principal.client_id


async def check_readable(request: Request, name: str) -> None:
    """Check that the caller may read the model and its versions.

    The service reports a model that may not be read as one that does not exist.

    Raises:
        ApiError: It does not exist, or the caller has no ``EXECUTE`` on it.
    """
    owner = await owner_of(workspace_of(request), name)
    if not _owns(request, owner) and not any(
        _has_privilege(request, privilege) for privilege in ("EXECUTE", "MANAGE")
    ):
        raise model_not_found(name)


async def require_owner(request: Request, name: str) -> None:
    """Check that the caller may change the model: versions, aliases, tags.

    Raises:
        ApiError: It may not be read, or the caller neither owns nor manages it.
    """
    await check_readable(request, name)
    owner = await owner_of(workspace_of(request), name)
    if not _owns(request, owner) and not _has_privilege(request, "MANAGE"):
        message = f"User does not have MANAGE on Routine or Model '{name}'."
        raise ApiError(403, "PERMISSION_DENIED", message)


async def require_apply_tag(request: Request, name: str) -> None:
    """Check that the caller may set tags on the model's versions.

    https://learn.microsoft.com/en-gb/azure/databricks/database-objects/tags

    Raises:
        ApiError: It may not be read, or the caller has no ``APPLY TAG`` and does not own it.
    """
    principal: Principal = request.scope["rehearsal.principal"]
    if APPROVES in principal.roles:
        await check_readable(request, name)
    else:
        await require_owner(request, name)


def require_assign(request: Request, keys: Iterable[str]) -> None:
    """Check that the caller may set the governed tags among some tags.

    Args:
        request: The request.
        keys: The tags that it sets.

    Raises:
        ApiError: One is a governed tag, and the caller has no ``ASSIGN`` on it.
    """
    principal: Principal = request.scope["rehearsal.principal"]
    for key in keys:
        if key in GOVERNED_TAGS and GOVERNED_TAGS[key] not in principal.roles:
            message = f"User does not have ASSIGN on Tag Policy '{key}'."
            raise ApiError(403, "PERMISSION_DENIED", message)


def require_create_model(request: Request, schema: str) -> None:
    """Check that the caller may create a model in the schema.

    Raises:
        ApiError: It may not.
    """
    if not _has_privilege(request, "CREATE MODEL"):
        message = f"User does not have CREATE MODEL on Schema '{schema}'."
        raise ApiError(403, "PERMISSION_DENIED", message)


def _owns(request: Request, owner: str) -> bool:
    """Whether the caller is the owner, or in the group that is: each of its roles is a group."""
    principal: Principal = request.scope["rehearsal.principal"]
    return owner == principal.client_id or owner in principal.roles


def _has_privilege(request: Request, privilege: str) -> bool:
    principal: Principal = request.scope["rehearsal.principal"]
    if ADMINISTERS in principal.roles:
        return True
    switches = read_switches(workspace_of(request).folder)
    return switches.has_privilege(principal_of(request), privilege)
