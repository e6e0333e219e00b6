"""What one workspace is made of, and how it says no."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rehearsal.tokens import Tokens


@dataclass
class Workspace:
    """One workspace.

    Attributes:
        name: ``azure`` or ``gcp``: for people.
        workspace_id: The workspace id, which every answer carries as ``x-databricks-org-id``.
        host: Its address.
        folder: Files, log, and the MLflow server's store.
        tokens: Who may come in.
        schemas: The Unity Catalog schemas that exist, ``catalog.schema``.
        tracking: Client of the MLflow server behind.
    """

    name: str
    workspace_id: str
    host: str
    folder: Path
    tokens: Tokens
    schemas: frozenset[str]
    tracking: httpx.AsyncClient
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)


class RefusedError(Exception):
    """An answer that is a refusal, in the form that Databricks gives it.

    Args:
        status: HTTP status.
        code: ``error_code``, such as ``RESOURCE_DOES_NOT_EXIST``.
        message: What a person reads.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


async def refused(_request: Request, error: Exception) -> Response:
    """Turn a refusal into its answer."""
    assert isinstance(error, RefusedError)  # noqa: S101  it is registered for no other
    body = {"error_code": error.code, "message": error.message}
    return JSONResponse(body, status_code=error.status)


def absent(what: str) -> RefusedError:
    """Return the refusal for something that is not there."""
    return RefusedError(404, "RESOURCE_DOES_NOT_EXIST", f"{what} does not exist.")


def invalid(message: str) -> RefusedError:
    """Return the refusal for something that makes no sense."""
    return RefusedError(400, "INVALID_PARAMETER_VALUE", message)


def workspace_of(request: Request) -> Workspace:
    """Return the workspace that the request reached."""
    workspace: Workspace = request.app.state.workspace
    return workspace


async def asked(request: Request) -> dict[str, Any]:
    """Return the request's fields, from its query and its JSON body."""
    body = await request.body()
    try:
        fields = (await request.json()) if body else {}
    except ValueError:
        raise RefusedError(400, "MALFORMED_REQUEST", "The body is not JSON.") from None
    if not isinstance(fields, dict):
        raise RefusedError(400, "MALFORMED_REQUEST", "The body is not a JSON object.")
    return {**request.query_params, **fields}


def needed(fields: dict[str, Any], *names: str) -> list[str]:
    """Return the named fields.

    Raises:
        RefusedError: One is missing or empty.
    """
    for name in names:
        if not fields.get(name):
            raise invalid(f"Missing value for required parameter '{name}'.")
    return [str(fields[name]) for name in names]
