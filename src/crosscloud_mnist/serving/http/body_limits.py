"""Limits on the bytes of one request body, and of all that are held at the same time."""

from __future__ import annotations

from starlette.exceptions import HTTPException

MAX_BODY_BYTES = 16 * 2**20
FREE_BODY_BYTES = 32 * 2**10  # of each body: a request of a few images is never rejected
MAX_HELD_BYTES = 48 * 2**20


class BodyBudget:
    """Counts the bytes that bodies hold beyond ``FREE_BODY_BYTES`` each.

    Args:
        max_held_bytes: The limit over all connections of one process.
    """

    def __init__(self, max_held_bytes: int = MAX_HELD_BYTES) -> None:
        self._available_bytes = max_held_bytes

    def grow(self, size: int, new_size: int) -> None:
        """Reserve what a body of ``size`` bytes needs to grow to ``new_size``.

        Raises:
            HTTPException: 413, ``new_size`` exceeds ``MAX_BODY_BYTES``; 503, the budget is used
                up. Nothing is reserved then.
        """
        if new_size > MAX_BODY_BYTES:
            raise HTTPException(413, f"the body exceeds {MAX_BODY_BYTES} bytes; send fewer images")
        needed = _counted(new_size) - _counted(size)
        if needed > self._available_bytes:
            message = "too many large requests at once; retry, or send fewer images"
            raise HTTPException(503, message, {"retry-after": "1"})
        self._available_bytes -= needed

    def release(self, size: int) -> None:
        """Return what a body of ``size`` bytes reserved."""
        self._available_bytes += _counted(size)


def _counted(size: int) -> int:
    return max(0, size - FREE_BODY_BYTES)
