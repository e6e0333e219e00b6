"""What every request passes: the request log, injected faults, the token and the grants."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import anyio
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rehearsal.grants import find_missing_privilege
from rehearsal.tokens import Principal, digest
from rehearsal.workspace import Workspace

WORKSPACE_HEADERS = (b"x-databricks-org-id", b"x-databricks-workspace-id")
OPEN_PATHS = ("/oidc/", "/.well-known/")  # where a client learns how to get a token


class LoggedRequest(TypedDict):
    """One line of the request log.

    Attributes:
        time: Seconds since the epoch.
        workspace: Name of the workspace.
        method: HTTP method.
        path: Path without the query.
        status: HTTP status; 0 where the connection was cut.
        token: The token's short digest, if there was a token.
        principal: Whose token it is, if this workspace accepts it.
    """

    time: float
    workspace: str
    method: str
    path: str
    status: int
    token: str | None
    principal: str | None


class RequestLog:
    """One line of JSON for each request, with the token's short digest and never the token."""

    def __init__(self, path: Path, workspace: str) -> None:
        self._file = path.open("a", buffering=1)
        self._workspace = workspace

    def write(
        self, *, method: str, path: str, status: int, token: str | None, principal: str | None
    ) -> None:
        """Append one line."""
        line: LoggedRequest = {
            "time": round(time.time(), 3),
            "workspace": self._workspace,
            "method": method,
            "path": path,
            "status": status,
            "token": token,
            "principal": principal,
        }
        self._file.write(json.dumps(line) + "\n")


class Rule(TypedDict, total=False):
    """Which requests get a fault.

    Attributes:
        fault: ``429``, ``503``, ``slow``, ``cut``, ``expired`` (401) or ``expiring`` (403).
        method: Of the requests; every method without it.
        path: A part of their path; every path without it.
        times: How many requests get it; 1 without it.
        seconds: Delay of ``slow``; 1 without it.
        retry_after: Of ``429`` and ``503``, seconds; 1 without it.
    """

    fault: str
    method: str
    path: str
    times: int
    seconds: float
    retry_after: int


class Faults:
    """The faults to inject: a JSON list of rules, read again whenever its file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mtime_ns: int | None = None
        self._rules: list[Rule] = []

    def take(self, method: str, path: str) -> Rule | None:
        """Return the first rule that matches the request, and count it."""
        mtime_ns = self._path.stat().st_mtime_ns if self._path.exists() else None
        if mtime_ns != self._mtime_ns:
            self._mtime_ns = mtime_ns
            self._rules = json.loads(self._path.read_text()) if mtime_ns else []
        for rule in self._rules:
            matches = rule.get("method", method) == method and rule.get("path", "") in path
            if matches and rule.setdefault("times", 1) > 0:
                rule["times"] -= 1
                return rule
        return None


class Gateway:
    """ASGI middleware around the whole workspace."""

    def __init__(
        self,
        app: ASGIApp,
        workspace: Callable[[], Workspace],
        request_log: RequestLog,
        faults: Faults,
    ) -> None:
        self._app, self._workspace = app, workspace
        self._request_log, self._faults = request_log, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request, inject a fault, or reject its token or what it asks for."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        workspace = self._workspace()
        bearer = _bearer_token(scope)
        status, is_logged = 0, False
        principal = _find_principal(workspace, bearer)
        scope["rehearsal.principal"] = principal

        def log() -> None:
            nonlocal is_logged
            if not is_logged:
                self._request_log.write(
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    token=digest(bearer) if bearer else None,
                    principal=principal.client_id if principal else None,
                )
            is_logged = True

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                org_id = (b"x-databricks-org-id", workspace.workspace_id.encode())
                message = {**message, "headers": [*message["headers"], org_id]}
            elif not message.get("more_body"):
                log()  # before the client has the whole response and may read the log
            await send(message)

        try:
            handler = await self._choose_handler(scope, receive, workspace, bearer)
            if handler is not None:
                await handler(scope, receive, send_with_id)
        finally:
            log()

    async def _choose_handler(
        self, scope: Scope, receive: Receive, workspace: Workspace, bearer: str
    ) -> ASGIApp | None:
        """Return the application, or an error response; ``None`` where the connection was cut."""
        rule = self._faults.take(scope["method"], scope["path"]) or Rule()
        fault = rule.get("fault")
        if fault == "slow":
            await anyio.sleep(rule.get("seconds", 1))
        if fault == "cut":
            await receive()  # a first part of the body, if there is one
            scope["rehearsal.cut"]()
            return None
        if fault in ("429", "503"):
            code = "REQUEST_LIMIT_EXCEEDED" if fault == "429" else "TEMPORARILY_UNAVAILABLE"
            retry_after = {"retry-after": str(rule.get("retry_after", 1))}
            return _error(int(fault), code, "Try again later.", retry_after)
        if fault == "expired":
            return _error(401, "UNAUTHENTICATED", "The token is expired.")
        if fault == "expiring":
            message = "Token is expiring within 30 seconds. (token expired)"
            return _error(403, "PERMISSION_DENIED", message)
        if scope["path"].startswith(OPEN_PATHS):
            return self._app
        return (
            _check_workspace(workspace, scope)
            or _check_token(workspace, bearer)
            or _check_grants(scope)
            or self._app
        )


def _bearer_token(scope: Scope) -> str:
    kind, _, token = _header(scope, b"authorization").partition(" ")
    return token if kind == "Bearer" else ""


def _header(scope: Scope, name: bytes) -> str:
    value: bytes = dict(scope["headers"]).get(name, b"")
    return value.decode("latin-1")


def _find_principal(workspace: Workspace, bearer: str) -> Principal | None:
    if not bearer or workspace.tokens.find_fault(bearer):
        return None
    return workspace.tokens.find_principal(bearer)


def _check_workspace(workspace: Workspace, scope: Scope) -> JSONResponse | None:
    """Return the error response of a shared host, unless the request names this workspace.

    https://github.com/databricks/databricks-sdk-go/pull/1650 says what each kind of host does.
    """
    named = {_header(scope, name) for name in WORKSPACE_HEADERS} - {""}
    if not workspace.is_unified or named == {workspace.workspace_id}:
        return None
    return _error(400, "INVALID_PARAMETER_VALUE", "Unable to load OAuth Config")


def _check_grants(scope: Scope) -> JSONResponse | None:
    """Return the error response, unless the principal has the privilege that is needed."""
    principal: Principal = scope["rehearsal.principal"]
    missing = find_missing_privilege(principal.roles, scope["method"], scope["path"])
    if missing is None:
        return None
    message = f"{principal.client_id} does not have {missing}."
    return _error(403, "PERMISSION_DENIED", message)


def _check_token(workspace: Workspace, bearer: str) -> JSONResponse | None:
    """Return the error response, unless the workspace accepts the token."""
    if not bearer:
        message = "Credential was not sent or was of an unsupported type for this API."
        return _error(401, "UNAUTHENTICATED", message)
    fault = workspace.tokens.find_fault(bearer)
    if fault == "expired":
        return _error(401, "UNAUTHENTICATED", "The token is expired.")
    return _error(403, "PERMISSION_DENIED", "Invalid access token.") if fault else None


def _error(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"error_code": code, "message": message}, status, headers)
