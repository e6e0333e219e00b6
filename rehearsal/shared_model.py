"""A model of a mounted catalog: its names at the provider and at the recipient."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Send

from rehearsal.workspace import Workspace


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


class TranslatedResponse:
    """Sends a response; a JSON response is collected first, and translated for the recipient."""

    def __init__(self, model: SharedModel, send: Send) -> None:
        self._model, self._send = model, send
        self._start: Message = {}
        self._content = b""

    async def __call__(self, message: Message) -> None:
        """Send a part of the response, or keep it until the response is complete."""
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


def _rename(value: Any, old: str, new: str) -> Any:
    """Return the value with a model's name replaced, if it is the name or a path of its files."""
    if value == old:
        return new
    if not isinstance(value, str) or not value.startswith(("/api/", "/Models/")):
        return value
    old_path, new_path = (f"/Models/{each.replace('.', '/')}" for each in (old, new))
    return re.sub(rf"{re.escape(old_path)}(?=/|$)", new_path, value)
