"""Discovery, OAuth tokens and the current user."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.workspace import ApiError, workspace_of


async def discovery(request: Request) -> JSONResponse:
    """``/.well-known/databricks-config``: the first request of databricks-sdk to a host."""
    workspace = workspace_of(request)
    return JSONResponse(
        {
            "oidc_endpoint": f"{workspace.host}/oidc",
            "account_id": "rehearsal",
            "workspace_id": workspace.workspace_id,
        }
    )


async def authorization_server(request: Request) -> JSONResponse:
    """RFC 8414's metadata of the authorization server."""
    host = workspace_of(request).host
    return JSONResponse(
        {
            "issuer": f"{host}/oidc",
            "authorization_endpoint": f"{host}/oidc/v1/authorize",
            "token_endpoint": f"{host}/oidc/v1/token",
        }
    )


async def token(request: Request) -> JSONResponse:
    """The client-credentials grant: RFC 6749, section 4.4."""
    tokens = workspace_of(request).tokens
    fields = parse_qs((await request.body()).decode())
    if fields.get("grant_type") != ["client_credentials"]:
        return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
    issued = tokens.issue(request.headers.get("authorization", ""))
    if issued is None:
        return JSONResponse({"error": "invalid_client"}, status_code=401)
    return JSONResponse(
        {"access_token": issued, "token_type": "Bearer", "expires_in": int(tokens.lifetime_seconds)}
    )


async def me(_request: Request) -> JSONResponse:
    """SCIM: the service principal that the token belongs to."""
    return JSONResponse({"id": "1", "userName": "rehearsal", "active": True})


async def unknown_path(request: Request) -> JSONResponse:
    """Reject a path that no route has."""
    message = f"No API found for '{request.method} {request.url.path}'"
    raise ApiError(404, "ENDPOINT_NOT_FOUND", message)


ROUTES = [
    Route("/.well-known/databricks-config", discovery),
    Route("/oidc/.well-known/oauth-authorization-server", authorization_server),
    Route("/oidc/v1/token", token, methods=["POST"]),
    Route("/api/2.0/preview/scim/v2/Me", me),
]
