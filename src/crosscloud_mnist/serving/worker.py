"""One serving process: it proves its bundle before it listens, and ends with its parent."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import CrosscloudError
from crosscloud_mnist.serving.settings import TOKEN, Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

_YOUNG = 20_000  # rows of many images' requests, which no collection has to look through
_STARTUP_FAILURE = 3  # uvicorn's: the supervisor gives up rather than restart for ever


def create(settings: Settings) -> Starlette:
    """Return the application over a proved model; called by uvicorn in the worker."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from crosscloud_mnist.serving.http.app import create_app
    from crosscloud_mnist.serving.inference.model import ServedModel
    from crosscloud_mnist.serving.telemetry.inference_log import InferenceLog
    from crosscloud_mnist.serving.telemetry.request_log import RequestLog

    try:
        model = ServedModel(settings.bundle, settings.name, settings.version)
        model.verify()
    except CrosscloudError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201  for whoever started it
        sys.exit(_STARTUP_FAILURE)
    sampled = None
    if settings.inference_log and settings.sampling_fraction:
        entity = f"{settings.name}-{settings.version}"
        sampled = InferenceLog(settings.inference_log, settings.sampling_fraction, entity)
    log = RequestLog() if settings.log_requests else None
    app = create_app(model, os.environ.get(TOKEN), log, sampled)
    gc.collect()
    gc.freeze()  # what stays is not searched again and again: that took 50 ms each time
    gc.set_threshold(_YOUNG)
    return app


def _end_with_parent() -> None:
    """Drain when the supervisor was killed: without it nothing could end this process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
