"""Catalogs mounted from a share: the provider's models under other names, read-only.

A request for a model of a mounted catalog is handled by the routes of this workspace against the
provider's registry and files. No request reaches the provider's gateway, and no token crosses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rehearsal.share import Mount, Share, global_metastore_id, read_provider
from rehearsal.workspace import ApiError, Workspace, error_response, not_found

_REGISTRY = "/api/2.0/mlflow/unity-catalog/"
_FILES = re.compile(r"(/api/2\.0/fs/(?:files|directories)/Models/)([^/]+)/([^/]+)/([^/]+)(/.*)?")
_FILTER = re.compile(r"(name\s*=\s*['\"])([^'\"]+)(['\"])")
_READS = {
    ("GET", "registered-models/get"),
    ("GET", "registered-models/alias"),
    ("GET", "model-versions/get"),
    ("GET", "model-versions/search"),
    ("GET", "model-versions/get-download-uri"),
    ("POST", "model-versions/emit-lineage"),
    ("POST", "model-versions/generate-temporary-credentials"),
}


@dataclass(frozen=True)
class SharedModel:
    """A model of a mounted catalog.

    Attributes:
        name: Its full name in the recipient's metastore.
        provider_name: Its full name in the provider's.
        hidden: Fields of its versions that the recipient does not see.
        view: The recipient's workspace with the provider's registry and files.
    """

    name: str
    provider_name: str
    hidden: tuple[str, ...]
    view: Workspace

    def to_provider(self, value: Any) -> Any:
        """Return a name, or a path of the Files API, as the provider has it."""
        return _rename(value, self.name, self.provider_name)

    def to_recipient(self, value: Any) -> Any:
        """Return a response as the recipient sees it: with its names, without hidden fields."""
        if isinstance(value, dict):
            hidden = self.hidden if "version" in value else ()
            return {k: self.to_recipient(each) for k, each in value.items() if k not in hidden}
        if isinstance(value, list):
            return [self.to_recipient(each) for each in value]
        return _rename(value, self.provider_name, self.name)


class SharedCatalogs:
    """ASGI middleware: serves the reads of mounted catalogs, and rejects their writes."""

    def __init__(self, app: ASGIApp, workspace: Callable[[], Workspace]) -> None:
        self._app, self._workspace = app, workspace
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request against the provider, if it is for a mounted catalog."""
        mounts: Mapping[str, Mount] = scope["app"].state.mounts if scope["type"] == "http" else {}
        path = scope.get("path", "")
        if not mounts or not (path.startswith(_REGISTRY) or _FILES.fullmatch(path)):
            await self._app(scope, receive, send)
            return
        body = b""
        if path.startswith(_REGISTRY):
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
        view = replace(workspace, folder=folder, tracking=self._clients[address])
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
        }
        await self._app(inner, receive, _Renaming(model, send))


class _Renaming:
    """Sends a response; a JSON response is collected first, and translated for the recipient."""

    def __init__(self, model: SharedModel, send: Send) -> None:
        self._model, self._send = model, send
        self._start: Message = {}
        self._content = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            if not self._is_json():
                await self._send(message)
        elif not self._is_json():
            await self._send(message)
        else:
            self._content += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish()

    def _is_json(self) -> bool:
        return Headers(raw=self._start["headers"]).get("content-type") == "application/json"

    async def _finish(self) -> None:
        content = json.dumps(self._model.to_recipient(json.loads(self._content))).encode()
        headers = MutableHeaders(raw=list(self._start["headers"]))
        headers["content-length"] = str(len(content))
        await self._send({**self._start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": content})


def _find_name(scope: Scope, body: bytes) -> str:
    """Return the full name of the model that the request is for; ``""`` if it names none."""
    if files := _FILES.fullmatch(scope["path"]):
        return ".".join(files.groups()[1:4])
    fields = dict(parse_qsl(scope["query_string"].decode()))
    if body:
        fields |= json.loads(body)
    if match := _FILTER.search(fields.get("filter", "")):
        return match[2]
    return str(fields.get("name", ""))


def _check_read(method: str, path: str, name: str) -> None:
    is_read = method in ("GET", "HEAD") if _FILES.fullmatch(path) else False
    if not is_read and (method, path.removeprefix(_REGISTRY)) not in _READS:
        message = f"Catalog '{name.partition('.')[0]}' is a Delta Sharing catalog: it is read-only."
        raise ApiError(403, "PERMISSION_DENIED", message)


def _rename(value: Any, old: str, new: str) -> Any:
    """Return the value with a model's name replaced, if it is the name or a path of its files."""
    if value == old:
        return new
    if not isinstance(value, str) or not value.startswith(("/api/", "/Models/")):
        return value
    old_path, new_path = (f"/Models/{each.replace('.', '/')}" for each in (old, new))
    return re.sub(rf"{re.escape(old_path)}(?=/|$)", new_path, value)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a function that receives the body, which was read already, and then what follows."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return unread.pop() if unread else await receive()

    return replay
