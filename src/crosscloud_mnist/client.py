"""Call a serving endpoint: pictures in, probabilities out."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import EndpointError

_SECONDS = 10.0
_CLASSES = 10


class EndpointClient:
    """One endpoint over HTTP.

    Args:
        url: The address that takes ``POST {"instances": [...]}``.
        token: The bearer token, if the endpoint wants one; never shown.
        seconds: How long an answer may take.
    """

    def __init__(self, url: str, token: str | None = None, seconds: float = _SECONDS) -> None:
        self._url = httpx.URL(url)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(headers=headers, timeout=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def predict(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send pictures and return their probabilities.

        Args:
            pictures: [n, 28, 28], uint8, light ink on dark ground.

        Returns:
            [n, 10]: the probability of each digit.

        Raises:
            EndpointError: The endpoint refused them, did not answer, or answered something else.
        """
        answer = self._ask("POST", self._url, {"instances": pictures.tolist()})
        try:
            probabilities = np.array(answer["predictions"], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange("no predictions") from error
        if probabilities.shape != (len(pictures), _CLASSES):
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

    def _ask(self, method: str, url: httpx.URL, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            response = self._http.request(method, url, json=body)
        except httpx.HTTPError as error:
            raise EndpointError(
                f"{url} does not answer ({type(error).__name__}: {error}), expected the endpoint "
                "there; run kedro run --pipeline deploy"
            ) from error
        if response.is_error:
            raise EndpointError(
                f"{url} answered {response.status_code}: {' '.join(response.text.split())[:300]}; "
                "check the token and what was sent"
            )
        try:
            answer: dict[str, Any] = response.json()
        except ValueError as error:
            raise self._strange("no JSON") from error
        return answer

    def _strange(self, found: str) -> EndpointError:
        return EndpointError(
            f"{self._url} answered {found}, expected ten probabilities for each picture; check "
            "that the address is the model's"
        )
