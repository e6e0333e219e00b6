"""One serving process: it verifies its bundle before it listens, and ends with its parent."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import CrosscloudError, VerificationError
from crosscloud_mnist.ports import served_entity_name
from crosscloud_mnist.serving.settings import TOKEN_VARIABLE

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from starlette.applications import Starlette

    from crosscloud_mnist.serving.handshake import SwapRequest
    from crosscloud_mnist.serving.inference.model import ServedModel
    from crosscloud_mnist.serving.settings import ServingSettings

_GC_THRESHOLD = 20_000  # above the rows of a large request, which no collection has to search
_STARTUP_FAILURE = 3  # uvicorn's: the supervisor gives up rather than restart for ever


def create(settings: ServingSettings, request: SwapRequest, failures: Connection) -> Starlette:
    """Return the application over a verified model; called by uvicorn in the worker.

    Args:
        settings: Where and how to serve.
        request: What to serve.
        failures: Takes one line, if this worker cannot start.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from crosscloud_mnist.serving.http.allowed_hosts import AllowedHosts
    from crosscloud_mnist.serving.http.app import create_app
    from crosscloud_mnist.serving.http.authentication import parse_token
    from crosscloud_mnist.serving.telemetry.inference_log import InferenceLog
    from crosscloud_mnist.serving.telemetry.request_log import RequestLog

    try:
        token = parse_token(os.environ.get(TOKEN_VARIABLE))
        model = _open_model(settings, request)
    except CrosscloudError as error:
        failures.send(str(error))
        sys.exit(_STARTUP_FAILURE)
    sample = None
    if settings.inference_log and settings.inference_log.sampling_fraction:
        entity = served_entity_name(settings.name, request.version)
        options = settings.inference_log
        sample = InferenceLog(options.folder, options.sampling_fraction, entity)
    log = RequestLog() if settings.log_requests else None
    hosts = AllowedHosts(settings.host, settings.allowed_hosts)
    app = create_app(
        *(model, token, log, sample, hosts),
        reports=settings.reports,
        min_confidence=settings.min_confidence,
    )
    gc.collect()
    gc.freeze()  # long-lived objects are not searched by later collections, 50 ms each
    gc.set_threshold(_GC_THRESHOLD)
    return app


def _open_model(settings: ServingSettings, request: SwapRequest) -> ServedModel:
    """Open the graph of the bundle, which must be the one that the registry recorded.

    Raises:
        VerificationError: The copy on disk has another digest.
        EndpointError: The graph cannot be opened, or a golden answer is not the recorded one.
    """
    from crosscloud_mnist.bundle import digest_of
    from crosscloud_mnist.serving.inference.model import ServedModel

    digest = digest_of(request.bundle)
    if digest != request.digest:
        raise VerificationError(
            f"{request.bundle} has the digest {digest}, expected {request.digest} of version "
            f"{request.version}; it is not served: run kedro run --pipelines deploy"
        )
    model = ServedModel(request.bundle, settings.name, request.version)
    model.verify()
    return model


def _end_with_parent() -> None:
    """Drain when the supervisor has ended: a killed one cannot end its workers."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
