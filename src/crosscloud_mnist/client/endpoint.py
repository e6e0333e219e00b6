"""One endpoint over HTTP: images in, probabilities out."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import EndpointError, EndpointUnavailableError
from crosscloud_mnist.ports import Deployment

_SECONDS = 10.0
_CONNECT_SECONDS = 3.0  # a cloud that is gone is noticed sooner than a slow answer
_CLASSES = 10
_RETRYABLE = (408, 429)  # the 4xx that say nothing about what was sent (RFC 9110, RFC 6585)


class EndpointClient:
    """One endpoint over HTTP.

    Args:
        url: The address that takes ``POST {"instances": [...]}``.
        token: The bearer token, if the endpoint wants one; never shown.
        seconds: How long an answer may take.

    Raises:
        EndpointError: The address is no URL.
    """

    def __init__(self, url: str, token: str | None = None, seconds: float = _SECONDS) -> None:
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise EndpointError(
                f"{url!r} is no address ({error}), expected https://.../invocations"
            ) from error
        headers = {"authorization": f"Bearer {token}"} if token else {}
        timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        self._http = httpx.Client(headers=headers, timeout=timeout)

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
        self._http.close()

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images and return their probabilities.

        Args:
            images: [n, 28, 28], uint8, light ink on dark ground.

        Returns:
            [n, 10]: the probability of each digit.

        Raises:
            EndpointUnavailableError: The endpoint did not answer, or cannot at the moment.
            EndpointError: The endpoint refused them, or answered something else.
        """
        answer = self._ask("POST", self._url, {"instances": images.tolist()})
        try:
            probabilities = np.array(answer["predictions"], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange("no predictions") from error
        if probabilities.shape != (len(images), _CLASSES):
            raise self._strange(f"predictions of shape {probabilities.shape}")
        if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
            raise self._strange("predictions that are no probabilities")
        return probabilities

    def version(self) -> dict[str, Any]:
        """Return what the endpoint says of the model it serves (local endpoint only).

        Raises:
            EndpointError: It does not answer.
        """
        return self._ask("GET", self._url.copy_with(raw_path=b"/version"), None)

    def describe(self) -> Deployment:
        """Return what the endpoint serves, by its own word (local endpoint only).

        Raises:
            EndpointError: It does not answer, or says something else.
        """
        live = self.version()
        try:
            return Deployment(str(self._url), live["name"], live["version"], live["digest"])
        except (KeyError, TypeError) as error:
            raise self._strange("no name, version and digest") from error

    def _ask(self, method: str, url: httpx.URL, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            response = self._http.request(method, url, json=body)
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
            raise EndpointError(
                f"{url} cannot be asked ({type(error).__name__}), expected an http(s) address and "
                "a token without blanks; check both"
            ) from None  # the error itself may show the token
        except httpx.HTTPError as error:
            raise EndpointUnavailableError(
                f"{url} does not answer ({type(error).__name__}: {error}), expected the endpoint "
                "there; run kedro run --pipelines deploy"
            ) from error
        if response.is_error:
            said = (
                f"{url} answered {response.status_code}: {' '.join(response.text.split())[:300]}; "
            )
            if response.is_server_error or response.status_code in _RETRYABLE:
                pause = _retry_after(response.headers.get("retry-after"))
                raise EndpointUnavailableError(said + "look at its log, or ask again", pause)
            raise EndpointError(said + "check the token and what was sent")
        try:
            answer: dict[str, Any] = response.json()
        except ValueError as error:
            raise self._strange("no JSON") from error
        return answer

    def _strange(self, found: str) -> EndpointError:
        return EndpointError(
            f"{self._url} answered {found}, expected ten probabilities for each image; check "
            "that the address is the model's"
        )


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that ``Retry-After`` asks for: RFC 9110, 10.2.3, a number or a date."""
    if value is None:
        return None
    try:
        if value.strip().isdecimal():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
