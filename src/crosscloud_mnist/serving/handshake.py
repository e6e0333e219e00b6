"""How a deployment and the endpoint's supervisor talk: by files in the endpoint's folder.

The deployment (``adapters.local``) ends long before the supervisor does, so each has its files:

1. The deployment writes ``request.json`` (``SwapRequest``: the version to serve); before a first
   start, when no supervisor runs, also ``settings.json`` (``ServingSettings``). Both atomically.
2. It starts the supervisor with ``--settings FILE``, or sends SIGHUP to the one that runs.
3. The supervisor writes ``endpoint.json`` (``SupervisorState``: its process) before it starts
   a worker, so that the process is known even if the deployment is interrupted.
4. Each worker verifies the bundle's digest and its golden answers before it listens. New workers
   listen beside the old ones, which then drain.
5. The supervisor writes ``endpoint.json`` again: with the request's id, and either the version as
   ``served`` or an ``error``. Where a swap failed, the old version stays ``served``. A request that
   it cannot read is counted in ``unreadable_requests``, with the ``error``.
6. The deployment waits until ``endpoint.json`` holds its request's id, or one more unreadable
   request.

Only the supervisor writes ``endpoint.json``. Whether a supervisor runs is not read from it: see
``adapters.local.process``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.serving.settings import ServingSettings, decode_path
from crosscloud_mnist.storage import atomic

_Value = TypeVar("_Value", bound=msgspec.Struct)


class SwapRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to serve: the first version, or the next one.

    Attributes:
        request_id: Of the deployment that asks for it.
        version: The registered version.
        digest: Of its bundle, as the registry recorded it.
        bundle: The bundle's folder; workers read it for as long as the version is served.
    """

    request_id: str
    version: str
    digest: str
    bundle: Path


class SupervisorState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A supervisor, as it describes itself.

    Attributes:
        pid: Its process.
        create_time: When the process was created, in seconds since the epoch: with ``pid``, an
            identity.
        folder: Where it reads requests; the folder may have been moved since.
        settings: What it was started with.
        served: What its workers serve; ``None`` until the first answers.
        request_id: The last request that it carried out or failed to; ``None`` after one that it
            could not read.
        error: Why that request failed, in one line.
        unreadable_requests: How many requests it could not read.
    """

    pid: int
    create_time: float
    folder: Path
    settings: ServingSettings
    served: SwapRequest | None = None
    request_id: str | None = None
    error: str | None = None
    unreadable_requests: int = 0

    def has_handled(self, request: SwapRequest, before: SupervisorState | None) -> bool:
        """Whether this state, and the one before the request, say that it was handled."""
        is_unreadable = before is not None and self.unreadable_requests > before.unreadable_requests
        return is_unreadable or self.request_id == request.request_id


class EndpointFolder:
    """The files of one endpoint.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / "settings.json"
        self.request = path / "request.json"
        self.state = path / "endpoint.json"
        self.log = path / "endpoint.log"
        self.bundles = path / "bundles"

    def read_settings(self) -> ServingSettings:
        """Return what a supervisor is started with."""
        return _read(self.settings, ServingSettings)

    def read_request(self) -> SwapRequest:
        """Return what is to be served."""
        return _read(self.request, SwapRequest)

    def read_state(self) -> SupervisorState | None:
        """Return how the last supervisor described itself, if one did.

        Raises:
            EndpointError: The file is damaged.
        """
        return _read(self.state, SupervisorState) if self.state.exists() else None

    def write(self, path: Path, value: msgspec.Struct) -> None:
        """Write one of the files, complete or not at all."""
        atomic.write_bytes(path, msgspec.json.encode(value, enc_hook=str))


def _read(path: Path, kind: type[_Value]) -> _Value:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind, dec_hook=decode_path)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EndpointError(
            f"{path} is damaged ({type(error).__name__}), expected a file that the endpoint wrote; "
            "run make stop and deploy again"
        ) from error
