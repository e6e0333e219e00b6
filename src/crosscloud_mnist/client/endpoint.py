"""One endpoint over HTTP: images in, probabilities out."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Annotated, Any, Self, TypeVar

import httpx
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from crosscloud_mnist.client.bearer import TokenSource
from crosscloud_mnist.client.connection import EndpointConnection
from crosscloud_mnist.contract import Contract, parse_contract
from crosscloud_mnist.errors import (
    EndpointError,
    EndpointUnavailableError,
    InvalidResponseError,
    UnauthorizedError,
)
from crosscloud_mnist.ports import Deployment
from crosscloud_mnist.token_rejection import is_token_rejected

_RESPONSE_SECONDS = 10.0
_MIN_CLASSES = 2
_TOLERANCE = 1e-3  # of a row's sum, and of the bounds of a probability
_RETRYABLE = (408, 429)  # the 4xx that say nothing about what was sent (RFC 9110, RFC 6585)
_REJECTED, _SERVER_ERROR = 400, 500

_Body = TypeVar("_Body", bound=msgspec.Struct)


class _Predictions(msgspec.Struct):
    """The body of a response to images."""

    predictions: list[list[float]]


class _Version(msgspec.Struct):
    """What this module reads of the body of ``GET /version``."""

    name: Annotated[str, Meta(pattern=r"^[\w.-]{1,255}$")]
    version: Annotated[str, Meta(pattern=r"^[\w.-]{1,255}$")]
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class _Description(msgspec.Struct):
    """The contract in the body of ``GET /version``."""

    contract: dict[str, Any]


class EndpointClient:
    """One endpoint over HTTP; safe to share between threads.

    Args:
        url: The address that takes ``POST {"instances": [...]}``.
        token: The bearer token, or a callable that returns one (such as an OAuth token, which
            expires), if the endpoint wants one; never shown.
        seconds: How long a response may take, from the connection to its last byte.
        class_count: How many classes the model has, if that is known: another number of
            probabilities is rejected.

    Raises:
        EndpointError: The address is not valid.
        ConfigurationError: The token, or a variable for proxies or certificates, is not valid.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource | None = None,
        seconds: float = _RESPONSE_SECONDS,
        class_count: int | None = None,
    ) -> None:
        self._connection = EndpointConnection(url, token)
        self._seconds, self._class_count = seconds, class_count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def predict(
        self, images: NDArray[np.uint8], seconds: float | None = None
    ) -> NDArray[np.float64]:
        """Send images and return their probabilities.

        Args:
            images: ``[n, *image_shape]``, uint8, as the model's contract says.
            seconds: A shorter time limit than the client's.

        Returns:
            [n, classes], float64: the probability of each class.

        Raises:
            EndpointUnavailableError: The endpoint did not answer, or cannot at the moment.
            InvalidResponseError: The response does not hold probabilities.
            EndpointError: The endpoint rejected the request.
        """
        body = msgspec.json.encode({"instances": images.tolist()})
        limit = self._seconds if seconds is None else min(seconds, self._seconds)
        response = self._send("POST", self._connection.url, body, limit, _Predictions)
        try:
            probabilities = np.array(response.predictions, dtype=np.float64)
        except ValueError as error:
            raise self._invalid("predictions of different lengths") from error
        if not self._has_shape(probabilities, len(images)):
            raise self._invalid(f"predictions of shape {probabilities.shape}")
        is_in_range = (probabilities >= -_TOLERANCE) & (probabilities <= 1 + _TOLERANCE)
        if not (is_in_range.all() and np.allclose(probabilities.sum(axis=1), 1, atol=_TOLERANCE)):
            raise self._invalid("predictions that are not probabilities")
        return probabilities

    def describe(self) -> Deployment:
        """Return what the endpoint reports that it serves (local endpoint only).

        Raises:
            EndpointError: It does not answer, or the response is not valid.
        """
        url = self._connection.url.copy_with(raw_path=b"/version")
        live = self._send("GET", url, None, self._seconds, _Version)
        return Deployment(self._connection.shown_url, live.name, live.version, live.digest)

    def fetch_contract(self) -> Contract:
        """Return the contract of the served model (local endpoint only).

        ``contract.interpret(row)`` of a row of probabilities names the class, and says whether the
        prediction is unsure.

        Raises:
            EndpointError: It does not answer, or the response is not valid.
        """
        url = self._connection.url.copy_with(raw_path=b"/version")
        description = self._send("GET", url, None, self._seconds, _Description)
        try:
            return parse_contract(description.contract)
        except (ValueError, TypeError, LookupError) as error:
            raise self._invalid("no valid contract") from error

    def _send(
        self, method: str, url: httpx.URL, body: bytes | None, seconds: float, kind: type[_Body]
    ) -> _Body:
        response = self._connection.send(method, url, body, seconds)
        if response.status >= _REJECTED:
            text = self._connection.to_plain_text(response.content.decode(errors="replace"))
            message = f"{self._connection.shown_url} returned {response.status}: {text}; "
            if response.status >= _SERVER_ERROR or response.status in _RETRYABLE:
                retry_after = _parse_retry_after(response.retry_after)
                raise EndpointUnavailableError(message + "read its log, or call again", retry_after)
            if is_token_rejected(response.status, response.content):
                raise UnauthorizedError(message + "call it with the endpoint's own token")
            raise EndpointError(message + "check the address and what was sent")
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.ValidationError as error:
            raise self._invalid(f"no valid {' and '.join(kind.__struct_fields__)}") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._invalid(f"{response.status} and a body that is not JSON") from error

    def _has_shape(self, probabilities: NDArray[np.float64], count: int) -> bool:
        if probabilities.ndim != 2 or len(probabilities) != count:
            return False
        classes = probabilities.shape[1]
        return classes >= _MIN_CLASSES and self._class_count in (None, classes)

    def _invalid(self, found: str) -> InvalidResponseError:
        return InvalidResponseError(
            f"{self._connection.shown_url} returned {found}, expected the probabilities of all "
            "classes for each image; check that the address is the model's"
        )


def _parse_retry_after(value: str | None) -> float | None:
    """Return the seconds of ``Retry-After`` (RFC 9110, 10.2.3): a number, or a date."""
    if value is None:
        return None
    try:
        if value.strip().isdecimal():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):
        return None
