"""The logs of a version that could not be served, kept before its endpoint is deleted.

https://docs.databricks.com/api/workspace/servingendpoints/buildlogs
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.redaction import redact, select_secrets, summarize
from crosscloud_mnist.storage.atomic import write_bytes

if TYPE_CHECKING:
    from databricks.sdk.service.serving import ServingEndpointsAPI

_SHOWN_LINES = 3


class BuildLog:
    """The logs of one endpoint's served entities: of the container's build, and of the server.

    Args:
        api: The serving endpoints of the workspace.
        endpoint: The endpoint's name.
        path: The file that they are written to; ``None`` writes none.
    """

    def __init__(self, api: ServingEndpointsAPI, endpoint: str, path: Path | None) -> None:
        self._api, self._endpoint, self._path = api, endpoint, path

    def describe(self, entity_names: Sequence[str]) -> str:
        """Write the entities' logs, and return their last lines for a message.

        It raises nothing: the failure that the logs explain is the one to report.
        """
        sections = []
        for name in entity_names:
            sections.append((f"build log of {name}", self._read(self._api.build_logs, name)))
            sections.append((f"server log of {name}", self._read(self._api.logs, name)))
        text = "".join(f"=== {title}\n{log.rstrip()}\n\n" for title, log in sections)
        endings = "; ".join(
            f"{title} ends: {summarize(' / '.join(_last_lines(log)))}"
            for title, log in sections
            if log.strip()
        )
        return f"{endings or 'there is no build log'}{self._write(text)}"

    def _read(self, read: Callable[[str, str], object], entity_name: str) -> str:
        from databricks.sdk.errors.base import DatabricksError
        from requests import RequestException

        try:
            logs = str(getattr(read(self._endpoint, entity_name), "logs", "") or "")
        except (DatabricksError, RequestException, TimeoutError, ValueError) as error:
            logs = f"unreadable: {error}"
        return redact(logs, select_secrets(os.environ))

    def _write(self, text: str) -> str:
        """Write the file, and return where it is, for a message."""
        if self._path is None or not text:
            return ""
        try:
            write_bytes(self._path, text.encode())
        except OSError as error:
            return f"; {self._path} could not be written ({error.strerror})"
        return f"; the whole log is in {self._path}"


def _last_lines(log: str) -> list[str]:
    return [line.strip() for line in log.splitlines() if line.strip()][-_SHOWN_LINES:]
