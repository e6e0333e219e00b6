"""The state of one workspace, and what its routes share: fields of a request, error responses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rehearsal.tokens import Tokens

Fields = dict[str, Any]  # of a JSON object of the service


@dataclass
class Workspace:
    """One workspace.

    Attributes:
        name: ``azure`` or ``gcp``; for logs.
        workspace_id: Its id, in every response as ``x-databricks-org-id``.
        host: Its address.
        folder: Holds its files, its log and the MLflow server's store.
        tokens: The tokens that it accepts.
        schemas: The Unity Catalog schemas that exist, ``catalog.schema``.
        tracking: Client of the MLflow server behind it.
        is_unified: Whether other workspaces share the host, so that a request must name this one.
        storage_folder: Folder of the cloud storage, where one was started.
        storage_key: Tokens of the cloud storage are signed with it.
        secrets: Secret scopes: values by scope and key.
        moved_aliases: When an alias of a model was set, and the version it pointed to before.
        objects: Paths of the notebooks and folders in the workspace.
    """

    name: str
    workspace_id: str
    host: str
    folder: Path
    tokens: Tokens
    schemas: frozenset[str]
    tracking: httpx.AsyncClient
    is_unified: bool = False
    storage_folder: Path | None = None
    storage_key: str = field(default="", repr=False)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    moved_aliases: dict[tuple[str, str], tuple[float, str | None]] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)


class ApiError(Exception):
    """An error response, in Databricks' form.

    Args:
        status: HTTP status.
        code: ``error_code``, such as ``RESOURCE_DOES_NOT_EXIST``.
        message: For people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


async def error_response(_request: Request, error: Exception) -> Response:
    """Return the response of an ``ApiError``."""
    assert isinstance(error, ApiError)  # noqa: S101  the only type it is registered for
    body = {"error_code": error.code, "message": error.message}
    return JSONResponse(body, status_code=error.status)


def not_found(what: str) -> ApiError:
    """Return the error for something that does not exist."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"{what} does not exist.")


def invalid_value(message: str) -> ApiError:
    """Return the error for a parameter that is not valid."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def workspace_of(request: Request) -> Workspace:
    """Return the workspace that received the request, or the view of it of a shared catalog."""
    workspace: Workspace = request.scope.get("rehearsal.workspace") or request.app.state.workspace
    return workspace


async def read_fields(request: Request) -> Fields:
    """Return the request's fields, from its query and its JSON body.

    Raises:
        ApiError: The body is not a JSON object.
    """
    body = await request.body()
    try:
        fields = (await request.json()) if body else {}
    except ValueError:
        raise ApiError(400, "MALFORMED_REQUEST", "The body is not JSON.") from None
    if not isinstance(fields, dict):
        raise ApiError(400, "MALFORMED_REQUEST", "The body is not a JSON object.")
    return {**request.query_params, **fields}


def require_fields(fields: Fields, *names: str) -> list[str]:
    """Return the named fields.

    Raises:
        ApiError: A field is missing or empty.
    """
    for name in names:
        if not fields.get(name):
            raise invalid_value(f"Missing value for required parameter '{name}'.")
    return [str(fields[name]) for name in names]
