"""Discovery, OAuth tokens and the current user."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.tokens import ACCOUNT_ID
from rehearsal.workspace import ApiError, workspace_of


async def discovery(request: Request) -> JSONResponse:
    """``/.well-known/databricks-config``: the first request of databricks-sdk to a host."""
    workspace = workspace_of(request)
    metadata = {"oidc_endpoint": f"{workspace.host}/oidc", "account_id": ACCOUNT_ID}
    if not workspace.is_unified:
        metadata["workspace_id"] = workspace.workspace_id
    return JSONResponse(metadata)


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
    """Issue an OAuth token: for a secret (RFC 6749, 4.4) or for an ID token (RFC 8693)."""
    tokens = workspace_of(request).tokens
    fields = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    if fields.get("scope") != "all-apis":
        return _token_error(400, "invalid_scope", "The scope is not all-apis.")
    match fields.get("grant_type"):
        case "client_credentials":
            issued = tokens.issue(request.headers.get("authorization", ""))
            reason = "Client authentication failed"
        case "urn:ietf:params:oauth:grant-type:token-exchange":
            if fields.get("subject_token_type") != "urn:ietf:params:oauth:token-type:jwt":
                return _token_error(400, "invalid_request", "The subject token is not a JWT.")
            client_id, id_token = fields.get("client_id", ""), fields.get("subject_token", "")
            issued = tokens.exchange(client_id, id_token)
            reason = "No federation policy of the service principal matches the token"
        case _:
            return _token_error(400, "unsupported_grant_type", "The grant type is not supported.")
    if issued is None:
        return _token_error(401, "invalid_client", reason)
    return JSONResponse(
        {"access_token": issued, "token_type": "Bearer", "expires_in": int(tokens.lifetime_seconds)}
    )


def _token_error(status: int, error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status)


async def me(request: Request) -> JSONResponse:
    """SCIM: the user or service principal that the token belongs to."""
    principal = request.scope["rehearsal.principal"]
    groups = [{"display": role} for role in principal.roles]
    return JSONResponse(
        {"id": "1", "userName": principal.client_id, "active": True, "groups": groups}
    )


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
