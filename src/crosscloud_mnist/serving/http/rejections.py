"""Responses that the HTTP protocol gives, to requests that reach no application."""

from __future__ import annotations

from dataclasses import dataclass

from crosscloud_mnist.serving.http.responses import JSON, error_response

MAX_HEAD_BYTES = 16 * 2**10
MAX_HEADERS = 100


@dataclass(frozen=True)
class Rejection:
    """A response that closes the connection.

    Attributes:
        status: Status and reason.
        message: One line.
        headers: More header lines.
    """

    status: str
    message: str
    headers: str = ""

    def to_bytes(self, path: str) -> bytes:
        """Return the response to a request of that path."""
        body = bytes(error_response(path, int(self.status[:3]), self.message).body)
        head = (
            f"HTTP/1.1 {self.status}\r\ncontent-type: {JSON}\r\ncontent-length: {len(body)}\r\n"
            f"connection: close\r\n{self.headers}\r\n"
        )
        return head.encode() + body


INVALID_HTTP = Rejection("400 Bad Request", "the request is not valid HTTP/1.1")
INVALID_FRAMING = Rejection("400 Bad Request", "the body's chunks are not valid")
TRAILERS = Rejection("400 Bad Request", "the body ends with trailers; send them as headers")
LARGE_HEAD = Rejection(
    "431 Request Header Fields Too Large",
    f"the head exceeds {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} headers; send fewer headers",
)
TOO_MANY_CONNECTIONS = Rejection(
    "503 Service Unavailable", "too many connections at once; retry", "retry-after: 1\r\n"
)


def timed_out(part: str, seconds: float) -> Rejection:
    """Return the rejection of a head or body that did not arrive in time."""
    return Rejection("408 Request Timeout", f"the {part} took over {seconds:.0f} s; send it again")
