"""How many bytes of a request have arrived, beside the content of its body."""

from __future__ import annotations

from collections.abc import Sequence

from crosscloud_mnist.serving.http.rejections import MAX_HEAD_BYTES, MAX_HEADERS

_MAX_FRAMING_BYTES = 32 * 2**10  # of a body, beyond the following
_FRAMING_PER_CONTENT = 8  # chunks of one byte each take six


class ReceivedBytes:
    """Counts the bytes of a head, and of a body's framing, as a connection reads them."""

    __slots__ = ("_content", "_framing", "_head", "_read")

    def __init__(self) -> None:
        self._read = self._content = self._head = self._framing = 0

    def start_read(self, count: int) -> None:
        """Begin with what was read at once: so many bytes."""
        self._read, self._content = count, 0

    def start_head(self) -> None:
        """Begin to count a head."""
        self._head = 0

    def start_body(self) -> None:
        """Begin to count a body's framing."""
        self._framing = 0

    def add_content(self, count: int) -> None:
        """Count a part of the body in what was read."""
        self._content += count

    def add_to_head(self, headers: int) -> bool:
        """Count what was read as part of a head; whether the head is too large so far.

        Args:
            headers: How many headers it has so far.
        """
        self._head += self._read
        return self._head > MAX_HEAD_BYTES or headers > MAX_HEADERS

    def add_to_framing(self) -> bool:
        """Count what was read as part of a body; whether its framing is too large."""
        framing = self._framing + self._read
        self._framing = max(0, framing - _FRAMING_PER_CONTENT * self._content)
        return self._framing > _MAX_FRAMING_BYTES

    def is_head_too_large(self, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Whether a complete head is too large; what was read may hold more than it."""
        if len(headers) > MAX_HEADERS:
            return True
        if self._head + self._read <= MAX_HEAD_BYTES:
            return False  # the usual case: all that was read is less
        size = len(url) + sum(len(name) + len(value) for name, value in headers)
        return size > MAX_HEAD_BYTES
