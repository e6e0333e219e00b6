"""The endpoint on this machine: processes that outlive the one that started them.

``crosscloud_mnist.serving`` is what runs there; ``serving.handshake`` says how a deployment gives
it a version and learns what became of it.
"""

from __future__ import annotations

import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from crosscloud_mnist.adapters.local import bundle_store, process
from crosscloud_mnist.client import EndpointClient
from crosscloud_mnist.errors import (
    ConfigurationError,
    EndpointError,
    EndpointUnavailableError,
    UnauthorizedError,
)
from crosscloud_mnist.ports import Deployment, ModelVersion
from crosscloud_mnist.serving.handshake import EndpointFolder, SupervisorState, SwapRequest
from crosscloud_mnist.serving.settings import TOKEN_VARIABLE, ServingSettings, parse_settings

_START_SECONDS = 60
_SWAP_SECONDS = 60  # for each worker: started, verified, the old one drained
_LOCK_SECONDS = 120  # how long a deployment waits for another one


class LocalEndpoint:
    """One endpoint on one port.

    Args:
        folder: Where the bundles served, the log and the supervisor's files are kept.
        options: The other settings: see ``serving.settings.ServingSettings``. ``name`` is required.

    Raises:
        ConfigurationError: An option is missing, unknown, or of the wrong type or range.
    """

    def __init__(self, *, folder: str = "", **options: Any) -> None:
        self._settings = parse_settings(options)
        if not isinstance(folder, str) or not folder:
            raise ConfigurationError(
                f"endpoint.folder is {folder!r}, expected a path; set it in the globals, where an "
                "environment replaces endpoint as a whole"
            )
        self._folder = EndpointFolder(Path(folder).absolute())
        name, address = self._settings.name, self._settings.address
        self._url = f"http://{address}/serving-endpoints/{name}/invocations"

    def deploy(self, version: ModelVersion, bundle: Path) -> Deployment:
        """Serve the version: see ``ports.Endpoint``.

        A new version's workers answer the golden set before they listen beside the old ones, which
        then drain; where one fails, the old ones stay as they are.
        """
        self._folder.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._folder.path / "deploy.lock", timeout=_LOCK_SECONDS):
                return self._deploy(version, bundle)
        except Timeout as error:
            raise EndpointError(
                f"another deployment holds {error.lock_file} for over {_LOCK_SECONDS} s, expected "
                "it to end; wait for it or stop it, and deploy again"
            ) from error

    def describe(self) -> Deployment:
        """Return what the endpoint reports that it serves: see ``ports.Endpoint``."""
        with self._connect() as client:
            return client.describe()

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images and return their probabilities: see ``ports.Endpoint``."""
        with self._connect() as client:
            return client.predict(images)

    @contextmanager
    def _connect(self) -> Iterator[EndpointClient]:
        with EndpointClient(self._url, os.environ.get(TOKEN_VARIABLE)) as client:
            try:
                yield client
            except UnauthorizedError as error:
                raise UnauthorizedError(f"{error}; set {TOKEN_VARIABLE} to it") from error

    def _deploy(self, version: ModelVersion, bundle: Path) -> Deployment:
        kept = bundle_store.keep(bundle, self._folder.bundles, version.digest)
        request = SwapRequest(uuid.uuid4().hex, version.version, version.digest, kept)
        supervisor = process.find(self._folder)
        if supervisor is None:
            self._start(request)
        else:
            self._swap(supervisor.pid, request)
        deployment = self.describe()
        if (deployment.model_version, deployment.digest) != (version.version, version.digest):
            raise EndpointError(
                f"{self._url} serves version {deployment.model_version}, expected "
                f"{version.version}; run make stop and deploy again"
            )
        return deployment

    def _start(self, request: SwapRequest) -> None:
        if self._port_answers():
            raise EndpointError(
                f"{self._settings.address} is taken by another program, expected it free; stop "
                "that program (make stop, where it is an endpoint of another folder), or set "
                "another port in conf/local/globals.yml (docs/laptop.md)"
            )
        self._folder.write(self._folder.settings, self._settings)
        self._folder.write(self._folder.request, request)
        supervisor = process.start(self._folder)
        try:
            self._wait(request, None, _START_SECONDS, "the endpoint did not start")
        except BaseException:  # an interrupted deployment leaves nothing behind
            process.kill(supervisor, self._folder)
            raise

    def _swap(self, pid: int, request: SwapRequest) -> None:
        if not process.is_running(self._folder):
            raise EndpointError(
                f"an endpoint runs and its files in {self._folder.path} were removed, expected "
                "them there; run make stop and deploy again"
            )
        state = self._wait_for_state()
        if not _is_same_folder(state.folder, self._folder.path):
            raise EndpointError(
                f"the endpoint was started in {state.folder}, and its files are in "
                f"{self._folder.path}, expected no move; run make stop and deploy again"
            )
        self._check_settings(state)
        self._check_token()
        self._folder.write(self._folder.request, request)
        os.kill(pid, signal.SIGHUP)
        seconds = _SWAP_SECONDS * (1 + self._settings.workers)
        self._wait(request, state, seconds, f"version {request.version} did not start")

    def _wait_for_state(self) -> SupervisorState:
        """Return the supervisor's first state: before it, SIGHUP would end the process.

        Raises:
            EndpointError: There is none.
        """
        until = time.monotonic() + _START_SECONDS
        while (state := self._folder.read_state()) is None:
            if time.monotonic() > until:
                raise EndpointError(
                    f"{self._folder.state} is missing, expected the state of the endpoint that "
                    "runs; run make stop and deploy again"
                )
            time.sleep(0.02)
        return state

    def _check_settings(self, state: SupervisorState) -> None:
        """Refuse a deployment that only a new start of the supervisor could carry out.

        Raises:
            EndpointError: The running supervisor has other settings.
        """
        fields = ServingSettings.__struct_fields__
        found, expected = (
            {name: getattr(settings, name) for name in fields}
            for settings in (state.settings, self._settings)
        )
        differing = [name for name in fields if found[name] != expected[name]]
        if differing:
            raise EndpointError(
                f"the endpoint runs with {_list(found, differing)}, expected "
                f"{_list(expected, differing)}; run make stop and deploy again"
            )

    def _check_token(self) -> None:
        """Refuse a deployment with a token to an endpoint that was started without one.

        An endpoint that does not answer is replaced all the same.

        Raises:
            EndpointError: It takes requests without a token, and one is set; or it wants another.
        """
        with suppress(EndpointUnavailableError):
            self.describe()
            if TOKEN_VARIABLE not in os.environ:
                return
            with suppress(UnauthorizedError), EndpointClient(self._url) as client:
                client.describe()
                raise EndpointError(
                    f"the endpoint runs without a token, expected the one of {TOKEN_VARIABLE}; run "
                    "make stop and deploy again"
                )

    def _wait(
        self, request: SwapRequest, before: SupervisorState | None, seconds: float, failure: str
    ) -> None:
        """Wait until the supervisor has carried the request out.

        Args:
            request: What was requested.
            before: The supervisor's state before the request; ``None`` for a new supervisor, which
                ends where it cannot read its first request.
            seconds: How long it may take.
            failure: For the message.

        Raises:
            EndpointError: It could not, or did not in time.
        """
        until = time.monotonic() + seconds
        is_running = True
        state = None
        while is_running and time.monotonic() <= until:
            is_running = process.is_running(self._folder)
            state = self._folder.read_state()
            if state is not None and state.has_handled(request, before):
                break
            time.sleep(0.02)
        else:
            reason = "it ended" if not is_running else f"it took over {seconds} s"
            raise EndpointError(_with_log(f"{failure}: {reason}", self._folder.log, state))
        if state.error is not None:
            raise EndpointError(_with_log(f"{failure}: {state.error}", self._folder.log, state))

    def _port_answers(self) -> bool:
        try:
            socket.create_connection((self._settings.host, self._settings.port), 1).close()
        except OSError:
            return False
        return True


def _with_log(message: str, log: Path, state: SupervisorState | None) -> str:
    """Add where the log is, and which version stays."""
    served = state.served if state is not None else None
    stays = f"; version {served.version} stays" if served is not None else ""
    return f"{message} (see {log}){stays}"


def _is_same_folder(one: Path, other: Path) -> bool:
    return one == other or (one.is_dir() and one.samefile(other))


def _list(values: Mapping[str, object], names: list[str]) -> str:
    return " and ".join(f"{name} {values[name]}" for name in names)
