"""The settings of one endpoint, fixed for the life of its supervisor, and its variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from crosscloud_mnist.errors import ConfigurationError

TOKEN_VARIABLE = "MNIST_ENDPOINT_TOKEN"  # noqa: S105  the variable's name
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client keeps the workers' figures


class InferenceLogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A log of a sample of the requests, images included.

    Attributes:
        folder: Where its files go.
        sampling_fraction: Share of the requests that are logged: 0 (none) to 1.
    """

    folder: Path
    sampling_fraction: Annotated[float, Meta(ge=0, le=1)] = 0.0


class ServingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where and how an endpoint serves. What it serves is a ``handshake.SwapRequest``.

    Attributes:
        name: The registered model, as the routes have it.
        host: Address to listen on: a name, IPv4 or IPv6.
        port: Port to listen on.
        workers: Number of serving processes.
        inference_log: The inference log, if there is to be one.
        log_requests: Whether each request is one line on the standard error.
        reports: Folder of the reports of releases, of which the page links the version's own.
        min_confidence: Probability below which the page asks for a person to check the prediction;
            that of the bundle's contract by default.
        allowed_hosts: More names under which clients reach the endpoint, as in the header
            ``Host`` and without a port, beside ``host`` and the loopback names; ``*`` for any.
    """

    name: Annotated[str, Meta(pattern=r"^[\w.-]+$")]
    host: Annotated[str, Meta(pattern=r"^[\w.:%-]+$")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 8501
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    inference_log: InferenceLogSettings | None = None
    log_requests: bool = True
    allowed_hosts: tuple[str, ...] = ()
    reports: Path | None = None
    min_confidence: Annotated[float, Meta(ge=0, le=1)] | None = None

    @property
    def address(self) -> str:
        """``host:port`` as it stands in a URL, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_settings(options: Mapping[str, object]) -> ServingSettings:
    """Check the options of an endpoint, as conf holds them.

    Raises:
        ConfigurationError: An option is missing, unknown, or of the wrong type or range.
    """
    try:
        return msgspec.convert(options, ServingSettings, dec_hook=decode_path)
    except msgspec.ValidationError as error:
        known = ", ".join(ServingSettings.__struct_fields__)
        raise ConfigurationError(
            f"the endpoint's settings are not valid ({_describe(error, options)}), expected "
            f"{known}; correct endpoint in the globals, which an environment replaces as a whole"
        ) from error


def _describe(error: msgspec.ValidationError, options: Mapping[str, object]) -> str:
    """Return the error with the setting's name and value."""
    reason, _, path = str(error).partition(" - at `$.")
    if not path:
        return reason
    name = path.rstrip("`")
    value: object = options
    for key in name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return f"{name} is {value!r}: {reason[0].lower()}{reason[1:]}"


def decode_path(kind: type, value: object) -> object:
    """Build a ``Path``, which JSON and YAML hold as text: msgspec's ``dec_hook``."""
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError(f"Expected a path, got {value!r}")
