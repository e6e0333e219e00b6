"""The MLflow scoring server, one process for each model version that an endpoint serves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
import httpx

from rehearsal.processes import NO_TELEMETRY, free_port

_MODEL = "__pyfunc_model_path__"  # the variable that ``mlflow models serve`` sets
_START_SECONDS = 240
_STOP_SECONDS = 10


class ScoringServer:
    """``mlflow models serve`` on a free port, in this environment.

    Args:
        model: The model's folder.
        log: File for its output.
        max_request_seconds: How long a request may take.
    """

    def __init__(self, model: Path, log: Path, max_request_seconds: float) -> None:
        port = free_port()
        self._log = log
        self._copy = tempfile.TemporaryDirectory()  # Python writes compiled files beside a model
        shutil.copytree(model, self._copy.name, dirs_exist_ok=True)
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=max_request_seconds
        )
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "uvicorn", "mlflow.pyfunc.scoring_server.app:app"),
                    *("--host", "127.0.0.1", "--port", str(port)),
                ],
                env={
                    **NO_TELEMETRY,
                    "PATH": os.environ["PATH"],
                    "HOME": os.environ.get("HOME", "/"),
                    _MODEL: self._copy.name,
                    "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "300",
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    async def ready(self) -> str | None:
        """Wait until it is ready; return why it is not, if it failed."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                return f"the scoring server ended: {self._last_log_line()}"
            try:
                if (await self._http.get("/ping")).is_success:
                    return None
            except httpx.HTTPError:
                await anyio.sleep(0.1)
        return f"the scoring server was not ready in {_START_SECONDS} s"

    async def predict(self, body: bytes, content_type: str) -> httpx.Response:
        """Forward one request for predictions."""
        headers = {"content-type": content_type}
        return await self._http.post("/invocations", content=body, headers=headers)

    async def stop(self) -> None:
        """End it: with SIGTERM, which drains, then with SIGKILL."""
        self._process.terminate()
        until = time.monotonic() + _STOP_SECONDS
        while self._process.poll() is None and time.monotonic() < until:
            await anyio.sleep(0.05)
        self._process.kill()
        self._process.wait()
        self._copy.cleanup()
        await self._http.aclose()

    def _last_log_line(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty"
