"""Delta Sharing between the two workspaces: metastores, recipients, shares, and mounted catalogs.

https://docs.databricks.com/aws/en/delta-sharing/ , as databricks-sdk calls it. A provider keeps its
shares in ``shares.json`` of its folder; a recipient reads that file of the other workspaces, which
stands for the connection that Databricks keeps between two metastores. ``shared_catalog`` serves
what is mounted.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.workspace import (
    ApiError,
    Workspace,
    invalid_value,
    not_found,
    read_fields,
    require_fields,
    workspace_of,
)

_API = "/api/2.1/unity-catalog/"
_FILE = "shares.json"


class Share(TypedDict):
    """A share of a provider.

    Attributes:
        objects: Full names of its models, by the name that recipients see, ``schema.model``.
        recipients: Global metastore ids of those that may read it.
        hidden: Fields of a version that do not cross, such as ``tags``. The documentation does not
            say which do.
    """

    objects: dict[str, str]
    recipients: list[str]
    hidden: list[str]


class Provider(TypedDict):
    """``shares.json``: what a provider shares, and where its files and its registry are.

    Attributes:
        metastore: Its global metastore id.
        tracking: Address of the MLflow server behind it.
        recipients: Global metastore ids of its recipients, by name.
        shares: Its shares, by name.
    """

    metastore: str
    tracking: str
    recipients: dict[str, str]
    shares: dict[str, Share]


@dataclass(frozen=True)
class Mount:
    """A catalog that a recipient created from a share.

    Attributes:
        provider: Name of the provider.
        share: Name of the share.
    """

    provider: str
    share: str


def metastore_id(workspace: Workspace) -> str:
    """Return the id of the workspace's metastore; each workspace has its own."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, workspace.workspace_id))


def global_metastore_id(workspace: Workspace) -> str:
    """Return the id by which other metastores know it, ``cloud:region:uuid``."""
    return f"{workspace.name}:loopback:{metastore_id(workspace)}"


def read_provider(recipient: Workspace, name: str) -> tuple[Path, Provider]:
    """Return a provider's folder and what it shares.

    Raises:
        ApiError: It shares nothing with the recipient.
    """
    for folder, provider in _find_providers(recipient):
        if folder.name == name:
            return folder, provider
    raise not_found(f"Provider '{name}'")


async def current_metastore(request: Request) -> JSONResponse:
    """Return which metastore the workspace is assigned to."""
    workspace = workspace_of(request)
    found = {"workspace_id": int(workspace.workspace_id), "metastore_id": metastore_id(workspace)}
    return JSONResponse(found)


async def metastore_summary(request: Request) -> JSONResponse:
    """Return the metastore with the id that a provider needs."""
    workspace = workspace_of(request)
    ids = {"metastore_id": metastore_id(workspace)}
    return JSONResponse({**ids, "global_metastore_id": global_metastore_id(workspace)})


async def create_recipient(request: Request) -> JSONResponse:
    """Create a recipient that is another metastore."""
    workspace, fields = workspace_of(request), await read_fields(request)
    name, kind = require_fields(fields, "name", "authentication_type")
    if kind != "DATABRICKS":
        raise invalid_value("Only Databricks-to-Databricks sharing carries models.")
    (metastore,) = require_fields(fields, "data_recipient_global_metastore_id")
    provider = _own(workspace)
    provider["recipients"][name] = metastore
    _save(workspace, provider)
    return JSONResponse({"name": name, "data_recipient_global_metastore_id": metastore})


async def create_share(request: Request) -> JSONResponse:
    """Create an empty share."""
    workspace = workspace_of(request)
    (name,) = require_fields(await read_fields(request), "name")
    provider = _own(workspace)
    if name in provider["shares"]:
        raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Share '{name}' already exists.")
    provider["shares"][name] = Share(objects={}, recipients=[], hidden=["tags"])
    _save(workspace, provider)
    return JSONResponse({"name": name})


async def update_share(request: Request) -> JSONResponse:
    """Add models to a share, or remove them."""
    workspace, name = workspace_of(request), request.path_params["share"]
    provider = _own(workspace)
    share = _share_of(provider, name)
    for update in (await read_fields(request)).get("updates", []):
        model = update["data_object"]
        if model.get("data_object_type") != "MODEL":
            raise invalid_value("Only models are shared in the rehearsal.")
        shared_as = model.get("string_shared_as") or model["name"].partition(".")[2]
        if update["action"] == "ADD":
            share["objects"][shared_as] = model["name"]
        else:
            share["objects"].pop(shared_as, None)
    _save(workspace, provider)
    return JSONResponse({"name": name})


async def update_permissions(request: Request) -> JSONResponse:
    """Let recipients read a share, or stop them."""
    workspace, name = workspace_of(request), request.path_params["share"]
    provider = _own(workspace)
    share = _share_of(provider, name)
    for change in (await read_fields(request)).get("changes", []):
        if change["principal"] not in provider["recipients"]:
            raise not_found(f"Recipient '{change['principal']}'")
        metastore = provider["recipients"][change["principal"]]
        granted = set(share["recipients"]) - {metastore}
        share["recipients"] = sorted(granted | ({metastore} if change.get("add") else set()))
    _save(workspace, provider)
    return JSONResponse({})


async def list_providers(request: Request) -> JSONResponse:
    """List who shares something with this metastore."""
    found = _find_providers(workspace_of(request))
    return JSONResponse({"providers": [{"name": folder.name} for folder, _ in found]})


async def create_catalog(request: Request) -> JSONResponse:
    """Mount a share as a catalog."""
    workspace, fields = workspace_of(request), await read_fields(request)
    catalog, provider_name, share = require_fields(fields, "name", "provider_name", "share_name")
    _, provider = read_provider(workspace, provider_name)
    if global_metastore_id(workspace) not in _share_of(provider, share)["recipients"]:
        raise not_found(f"Share '{share}'")
    mounts_of(request)[catalog] = Mount(provider_name, share)
    return JSONResponse({"name": catalog, "catalog_type": "DELTASHARING_CATALOG"})


def mounts_of(request: Request) -> dict[str, Mount]:
    """Return the mounted catalogs of the workspace that received the request, by name."""
    mounts: dict[str, Mount] = request.app.state.mounts
    return mounts


def _own(workspace: Workspace) -> Provider:
    path = workspace.folder / _FILE
    if path.is_file():
        own: Provider = json.loads(path.read_text())
        return own
    address = str(workspace.tracking.base_url)
    return Provider(
        metastore=global_metastore_id(workspace), tracking=address, recipients={}, shares={}
    )


def _save(workspace: Workspace, provider: Provider) -> None:
    path = workspace.folder / _FILE
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(provider, indent=2))
    temporary.replace(path)


def _share_of(provider: Provider, name: str) -> Share:
    try:
        return provider["shares"][name]
    except KeyError:
        raise not_found(f"Share '{name}'") from None


def _find_providers(recipient: Workspace) -> Iterator[tuple[Path, Provider]]:
    own = global_metastore_id(recipient)
    for path in sorted(recipient.folder.parent.glob(f"*/{_FILE}")):
        provider: Provider = json.loads(path.read_text())
        if own in provider["recipients"].values():
            yield path.parent, provider


ROUTES = [
    Route(f"{_API}current-metastore-assignment", current_metastore),
    Route(f"{_API}metastore_summary", metastore_summary),
    Route(f"{_API}recipients", create_recipient, methods=["POST"]),
    Route(f"{_API}shares", create_share, methods=["POST"]),
    Route(f"{_API}shares/{{share}}", update_share, methods=["PATCH"]),
    Route(f"{_API}shares/{{share}}/permissions", update_permissions, methods=["PATCH"]),
    Route(f"{_API}providers", list_providers),
    Route(f"{_API}catalogs", create_catalog, methods=["POST"]),
]
