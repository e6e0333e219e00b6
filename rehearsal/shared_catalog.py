"""Catalogs mounted from a share: the provider's models under other names, read-only.

A request for a model of a mounted catalog is handled by the routes of this workspace against the
provider's registry and files. No request reaches the provider's gateway, and no token crosses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rehearsal.grants import ADMINISTERS
from rehearsal.share import Mount, Share, global_metastore_id, read_provider
from rehearsal.shared_model import SharedModel, TranslatedResponse
from rehearsal.tokens import Principal
from rehearsal.workspace import ApiError, Workspace, error_response, not_found

_REGISTRY = "/api/2.0/mlflow/unity-catalog/"
_PRESIGN = "/api/2.0/fs/create-"  # beginning of the paths that give presigned URLs
_FILES = re.compile(r"(/api/2\.0/fs/(?:files|directories)/Models/)([^/]+)/([^/]+)/([^/]+)(/.*)?")
_MODEL_PATH = re.compile(r"/Models/([^/]+)/([^/]+)/([^/]+)/.*")
_FILTER = re.compile(r"(name\s*=\s*['\"])([^'\"]+)(['\"])")
_READS = {
    ("GET", f"{_REGISTRY}registered-models/get"),
    ("GET", f"{_REGISTRY}registered-models/alias"),
    ("GET", f"{_REGISTRY}model-versions/get"),
    ("GET", f"{_REGISTRY}model-versions/search"),
    ("GET", f"{_REGISTRY}model-versions/get-download-uri"),
    ("POST", f"{_REGISTRY}model-versions/emit-lineage"),
    ("POST", f"{_REGISTRY}model-versions/generate-temporary-credentials"),
    ("POST", f"{_PRESIGN}download-url"),
}
_SHARE = Principal("share", "", (ADMINISTERS,))  # reads at the provider what is shared


class SharedCatalogs:
    """ASGI middleware: serves the reads of mounted catalogs, and rejects their writes."""

    def __init__(self, app: ASGIApp, workspace: Callable[[], Workspace]) -> None:
        self._app, self._workspace = app, workspace
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request against the provider, if it is for a mounted catalog."""
        mounts: Mapping[str, Mount] = scope["app"].state.mounts if scope["type"] == "http" else {}
        path = scope.get("path", "")
        has_fields = path.startswith((_REGISTRY, _PRESIGN))
        if not mounts or not (has_fields or _FILES.fullmatch(path)):
            await self._app(scope, receive, send)
            return
        body = b""
        if has_fields:
            body = await Request(scope, receive).body()
            receive = _replay(body, receive)
        name = _find_name(scope, body)
        mount = mounts.get(name.partition(".")[0])
        if mount is None:
            await self._app(scope, receive, send)
            return
        try:
            model = self._open(mount, name)
            _check_read(scope["method"], path, name)
            await self._serve(model, scope, body, receive, send)
        except ApiError as error:
            await (await error_response(Request(scope), error))(scope, receive, send)
        except httpx.TransportError:
            unreachable = ApiError(
                503, "TEMPORARILY_UNAVAILABLE", f"Provider '{mount.provider}' does not answer."
            )
            await (await error_response(Request(scope), unreachable))(scope, receive, send)

    def _open(self, mount: Mount, name: str) -> SharedModel:
        workspace = self._workspace()
        folder, provider = read_provider(workspace, mount.provider)
        share = provider["shares"].get(mount.share) or Share(objects={}, recipients=[], hidden=[])
        if global_metastore_id(workspace) not in share["recipients"]:
            raise ApiError(403, "PERMISSION_DENIED", f"Share '{mount.share}' is not readable.")
        try:
            provider_name = share["objects"][name.partition(".")[2]]
        except KeyError:
            raise not_found(f"Registered model '{name}'") from None
        address = provider["tracking"]
        if address not in self._clients:
            self._clients[address] = httpx.AsyncClient(base_url=address, timeout=60)
        view = replace(
            workspace,
            name=folder.name,
            folder=folder,
            tracking=self._clients[address],
            moved_aliases={},
        )
        return SharedModel(name, provider_name, tuple(share["hidden"]), view)

    async def _serve(
        self, model: SharedModel, scope: Scope, body: bytes, receive: Receive, send: Send
    ) -> None:
        query = urlencode(
            [
                (key, _FILTER.sub(lambda m: m[1] + model.to_provider(m[2]) + m[3], value))
                if key == "filter"
                else (key, model.to_provider(value))
                for key, value in parse_qsl(scope["query_string"].decode())
            ]
        )
        if body:
            fields = {key: model.to_provider(each) for key, each in json.loads(body).items()}
            receive = _replay(json.dumps(fields).encode(), receive)
        inner = {
            **scope,
            "path": model.to_provider(scope["path"]),
            "query_string": query.encode(),
            "rehearsal.workspace": model.view,
            "rehearsal.principal": _SHARE,
        }
        await self._app(inner, receive, TranslatedResponse(model, send))


def _find_name(scope: Scope, body: bytes) -> str:
    """Return the full name of the model that the request is for; ``""`` if it names none."""
    if files := _FILES.fullmatch(scope["path"]):
        return ".".join(files.groups()[1:4])
    fields = dict(parse_qsl(scope["query_string"].decode()))
    if body:
        fields |= json.loads(body)
    if path := _MODEL_PATH.fullmatch(str(fields.get("path", ""))):
        return ".".join(path.groups())
    if match := _FILTER.search(fields.get("filter", "")):
        return match[2]
    return str(fields.get("name", ""))


def _check_read(method: str, path: str, name: str) -> None:
    is_download = _FILES.fullmatch(path) and method in ("GET", "HEAD")
    if not is_download and (method, path) not in _READS:
        message = f"Catalog '{name.partition('.')[0]}' is a Delta Sharing catalog: it is read-only."
        raise ApiError(403, "PERMISSION_DENIED", message)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a function that receives the body, which was read already, and then what follows."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return unread.pop() if unread else await receive()

    return replay
