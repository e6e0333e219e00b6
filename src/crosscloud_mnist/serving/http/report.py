"""The report of the release that is served, where its pipeline has written one."""

from __future__ import annotations

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from crosscloud_mnist.ports import report_file_name
from crosscloud_mnist.serving.inference.model import ServedModel

REPORT_PATH = "/report"


class ReportEndpoint:
    """One file of the folder of reports: that of the served version.

    Args:
        folder: The folder; ``None``: there are no reports.
        model: The model that is served.
    """

    def __init__(self, folder: Path | None, model: ServedModel) -> None:
        name = report_file_name(model.name, model.version, model.digest)
        self._file = folder / f"{name}.html" if folder else None

    def path(self) -> str | None:
        """Return the route of the report; ``None`` where there is none yet."""
        return REPORT_PATH if self._file and self._file.is_file() else None

    async def page(self, request: Request) -> Response:
        """Send the report; with ``?language=pt-BR``, as the endpoint's page asks, in Portuguese.

        Raises:
            HTTPException: 404, there is none.
        """
        if self._file is None or self.path() is None:
            raise HTTPException(
                404, "there is no report of this version; run kedro run --pipelines report"
            )
        page = await run_in_threadpool(self._file.read_text, encoding="utf-8")
        if request.query_params.get("language") == "pt-BR":
            page = open_in_portuguese(page)
        return HTMLResponse(page)


def open_in_portuguese(page: str) -> str:
    """Return the report, which holds both languages and opens in English, with the other choice."""
    return page.replace('id="en" checked', 'id="en"', 1).replace('id="pt"', 'id="pt" checked', 1)
