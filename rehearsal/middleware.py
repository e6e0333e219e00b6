"""What every request passes: the log, the faults that were asked for, and the token check."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rehearsal.tokens import digest
from rehearsal.workspace import Workspace

OPEN = ("/oidc/", "/.well-known/")  # how a client learns where to ask for a token


class RequestLog:
    """One line of JSON for each request: never a token, only its short digest."""

    def __init__(self, path: Path, workspace: str) -> None:
        self._file = path.open("a", buffering=1)
        self._workspace = workspace

    def write(self, **fields: Any) -> None:
        """Append one line."""
        line = {"time": round(time.time(), 3), "workspace": self._workspace, **fields}
        self._file.write(json.dumps(line) + "\n")


class Faults:
    """The faults to inject, read anew whenever their file changes.

    The file holds a list of rules; each names the ``fault`` (``429``, ``503``, ``slow``, ``cut`` or
    ``expired``), and, where wanted, ``method``, ``path`` (a part of it), ``times`` (1),
    ``seconds`` (of ``slow``, 1) and ``retry_after`` (1).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: int | None = None
        self._rules: list[dict[str, Any]] = []

    def due(self, method: str, path: str) -> dict[str, Any] | None:
        """Return the first rule that fits the request, and count it."""
        changed = self._path.stat().st_mtime_ns if self._path.exists() else None
        if changed != self._read:
            self._read = changed
            self._rules = json.loads(self._path.read_text()) if changed else []
        for rule in self._rules:
            fits = rule.get("method", method) == method and rule.get("path", "") in path
            if fits and rule.setdefault("times", 1) > 0:
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
        """Let the request in, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        workspace = self._workspace()
        kind, _, token = _authorization(scope).partition(" ")
        bearer = token if kind == "Bearer" else ""
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                named = [(b"x-databricks-org-id", workspace.workspace_id.encode())]
                message = {**message, "headers": [*message["headers"], *named]}
            await send(message)

        try:
            answer = await self._stopped(scope, receive, workspace, bearer)
            if answer is None:
                await self._app(scope, receive, noted)
            elif answer != "cut":
                assert isinstance(answer, JSONResponse)  # noqa: S101  a refusal
                await answer(scope, receive, noted)
        finally:
            self._request_log.write(
                method=scope["method"],
                path=scope["path"],
                status=status,
                token=digest(bearer) if bearer else None,
            )

    async def _stopped(
        self, scope: Scope, receive: Receive, workspace: Workspace, bearer: str
    ) -> JSONResponse | str | None:
        rule = self._faults.due(scope["method"], scope["path"]) or {}
        fault = rule.get("fault")
        if fault == "slow":
            await anyio.sleep(rule.get("seconds", 1))
        if fault == "cut":
            await receive()  # a first part of the body, if there is one
            scope["rehearsal.cut"]()
            return "cut"
        if fault in ("429", "503"):
            code = "REQUEST_LIMIT_EXCEEDED" if fault == "429" else "TEMPORARILY_UNAVAILABLE"
            after = {"retry-after": str(rule.get("retry_after", 1))}
            return _refusal(int(fault), code, "Try again later.", after)
        if fault == "expired":
            return _refusal(401, "UNAUTHENTICATED", "The token is expired.")
        return None if scope["path"].startswith(OPEN) else _unwelcome(workspace, bearer)


def _authorization(scope: Scope) -> str:
    headers = dict(scope["headers"])
    value: bytes = headers.get(b"authorization", b"")
    return value.decode("latin-1")


def _unwelcome(workspace: Workspace, bearer: str) -> JSONResponse | None:
    if not bearer:
        message = "Credential was not sent or was of an unsupported type for this API."
        return _refusal(401, "UNAUTHENTICATED", message)
    wrong = workspace.tokens.fault(bearer)
    if wrong == "expired":
        return _refusal(401, "UNAUTHENTICATED", "The token is expired.")
    return _refusal(403, "PERMISSION_DENIED", "Invalid access token.") if wrong else None


def _refusal(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"error_code": code, "message": message}, status, headers)
