"""When a connection is read, and its time limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sized

from uvicorn.protocols.http.flow_control import FlowControl


class PausingFlowControl(FlowControl):
    """Resumes reading only while no request is queued and the client reads its responses.

    Args:
        transport: The connection's.
        pipeline: The queued requests.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Read on, if no request is queued and the client reads its responses."""
        if not self.write_paused and not self._pipeline:
            super().resume_reading()


class Deadline:
    """A time limit that can be started again.

    Args:
        loop: The event loop.
        callback: What is called when the time is over.
    """

    __slots__ = ("_callback", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop, self._callback = loop, callback
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and neither reached nor cancelled."""
        return self._timer is not None

    def start(self, seconds: float) -> None:
        """Start it, in place of one that runs."""
        self.cancel()
        self._timer = self._loop.call_later(seconds, self._end)

    def cancel(self) -> None:
        """Stop it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._timer = None
        self._callback()
