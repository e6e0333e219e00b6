"""HTTP to one address, bounded in time and in size.

httpx bounds each read, so a server that sends a byte now and then could hold a call for ever. Here
a request runs in an event loop of its own, where ``asyncio.timeout`` bounds all of it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from crosscloud_mnist.client.bearer import Bearer, TokenSource
from crosscloud_mnist.client.transport import create_client
from crosscloud_mnist.errors import (
    EndpointError,
    EndpointUnavailableError,
    InvalidResponseError,
)
from crosscloud_mnist.redaction import mask_uris, summarize
from crosscloud_mnist.token_rejection import is_token_rejected

_MAX_RESPONSE_BYTES = 32 * 2**20

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class HttpResponse:
    """A response that was read to its end.

    Attributes:
        status: Its status code.
        retry_after: The header of that name, as it was sent.
        content: The body, at most 32 MiB.
    """

    status: int
    retry_after: str | None
    content: bytes


class EndpointConnection:
    """Connections to one address; safe to share between threads.

    A loopback address is reached directly, whatever proxies the environment names. A user and a
    password in the address are sent as basic authentication, where there is no token.

    Args:
        url: The address; a password in it is never shown.
        token: The bearer token or what returns one, if the endpoint wants one; never shown.

    Raises:
        EndpointError: The address is not valid.
        ConfigurationError: The token, or a variable for proxies or certificates, is not valid.
    """

    def __init__(self, url: str, token: TokenSource | None) -> None:
        try:
            address = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise EndpointError(
                f"{mask_uris(url)!r} is not a valid address ({mask_uris(str(error))}), expected "
                "https://.../invocations"
            ) from None
        self.url = address.copy_with(userinfo=b"")  # httpx logs it
        self.shown_url = mask_uris(str(self.url.copy_with(query=None, fragment=None)))
        self._bearer = Bearer(token, self.shown_url)
        has_user = bool(address.username) and not token
        user = httpx.BasicAuth(address.username, address.password) if has_user else None
        self._http = create_client(self.url, self.shown_url, user)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the connections."""
        self._run(self._http.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def send(self, method: str, url: httpx.URL, body: bytes | None, seconds: float) -> HttpResponse:
        """Send a request and read its response.

        One whose token is rejected is sent once more, if there is another token: the endpoint has
        not acted on it.

        Args:
            method: ``GET`` or ``POST``.
            url: Of the same host as the connection's.
            body: JSON, if there is one.
            seconds: How long all of it may take.

        Raises:
            EndpointUnavailableError: There was no complete response in that time.
            InvalidResponseError: The response is too large, or compressed.
            EndpointError: The request cannot be sent.
            ConfigurationError: The token is not valid.
        """
        deadline = time.monotonic() + seconds
        token = self._bearer.current()
        response = self._send_in_time(method, url, body, token, deadline)
        if is_token_rejected(response.status, response.content):
            other = self._bearer.replace(token)
            if other is not None:
                return self._send_in_time(method, url, body, other, deadline)
        return response

    def _send_in_time(
        self, method: str, url: httpx.URL, body: bytes | None, token: str | None, deadline: float
    ) -> HttpResponse:
        seconds = max(0.0, deadline - time.monotonic())
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            return self._run(self._send(method, url, body, headers, seconds))
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
            raise EndpointError(
                f"{self.shown_url} cannot be called ({type(error).__name__}), expected an http(s) "
                "address; correct it"
            ) from None  # the error itself may show the token
        except TimeoutError:
            raise EndpointUnavailableError(
                f"{self.shown_url} did not answer within {seconds:.3g} s, expected a response; "
                "read its log, or call again"
            ) from None
        except httpx.HTTPError as error:
            reason = f"{type(error).__name__}: {self.to_plain_text(str(error))}"
            raise EndpointUnavailableError(
                f"{self.shown_url} does not answer ({reason}), expected the endpoint "
                "there; run kedro run --pipelines deploy"
            ) from error

    def to_plain_text(self, text: str) -> str:
        """Return what a server sent as text for a message: one line, without the token."""
        return summarize(text, self._bearer.secrets())

    async def _send(
        self,
        method: str,
        url: httpx.URL,
        body: bytes | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> HttpResponse:
        async with (
            asyncio.timeout(seconds),
            self._http.stream(method, url, content=body, headers=headers) as response,
        ):
            encoding = response.headers.get("content-encoding", "identity")
            if encoding.strip().lower() != "identity":
                raise self._invalid("a compressed response", "an uncompressed one")
            content = bytearray()
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > _MAX_RESPONSE_BYTES:
                    raise self._invalid("too long a response", f"at most {_MAX_RESPONSE_BYTES} B")
            retry_after = response.headers.get("retry-after")
            return HttpResponse(response.status_code, retry_after, bytes(content))

    def _invalid(self, found: str, expected: str) -> InvalidResponseError:
        return InvalidResponseError(
            f"{self.shown_url} returned {found}, expected {expected}; check that the address is "
            "the model's"
        )

    def _run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:  # an interrupt ends the request too
            future.cancel()
            raise
