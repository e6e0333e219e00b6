"""Secret scopes: https://docs.databricks.com/api/workspace/secrets. Kept in memory only."""

from __future__ import annotations

from base64 import b64encode

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.workspace import ApiError, not_found, read_fields, require_fields, workspace_of


async def create_scope(request: Request) -> JSONResponse:
    """Create a scope."""
    scopes = workspace_of(request).secrets
    (scope,) = require_fields(await read_fields(request), "scope")
    if scope in scopes:
        raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Scope {scope} already exists!")
    scopes[scope] = {}
    return JSONResponse({})


async def list_scopes(request: Request) -> JSONResponse:
    """List the scopes."""
    names = sorted(workspace_of(request).secrets)
    return JSONResponse({"scopes": [{"name": n, "backend_type": "DATABRICKS"} for n in names]})


async def put(request: Request) -> JSONResponse:
    """Write a secret."""
    fields = await read_fields(request)
    scope, key, value = require_fields(fields, "scope", "key", "string_value")
    _scope(request, scope)[key] = value
    return JSONResponse({})


async def get(request: Request) -> JSONResponse:
    """Read a secret, encoded in Base64."""
    scope, key = require_fields(await read_fields(request), "scope", "key")
    secrets = _scope(request, scope)
    if key not in secrets:
        raise not_found(f"Secret {key} in scope {scope}")
    return JSONResponse({"key": key, "value": b64encode(secrets[key].encode()).decode()})


async def list_keys(request: Request) -> JSONResponse:
    """List the names of a scope's secrets."""
    (scope,) = require_fields(await read_fields(request), "scope")
    return JSONResponse({"secrets": [{"key": key} for key in sorted(_scope(request, scope))]})


def _scope(request: Request, scope: str) -> dict[str, str]:
    try:
        return workspace_of(request).secrets[scope]
    except KeyError:
        raise not_found(f"Scope {scope}") from None


ROUTES = [
    Route("/api/2.0/secrets/scopes/create", create_scope, methods=["POST"]),
    Route("/api/2.0/secrets/scopes/list", list_scopes),
    Route("/api/2.0/secrets/put", put, methods=["POST"]),
    Route("/api/2.0/secrets/get", get),
    Route("/api/2.0/secrets/list", list_keys),
]
