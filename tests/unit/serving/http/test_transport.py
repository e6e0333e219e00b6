"""A response to a client that has gone."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from crosscloud_mnist.serving.http.transport import TolerantTransport


def failing(*, is_closing: bool) -> Mock:
    transport = Mock()
    transport.write.side_effect = RuntimeError("the handler is closed")
    transport.is_closing.return_value = is_closing
    return transport


def test_a_write_to_a_connection_that_was_reset_is_dropped():
    TolerantTransport(failing(is_closing=True)).write(b"late")


def test_any_other_failure_of_a_write_is_raised():
    with pytest.raises(RuntimeError, match="the handler is closed"):
        TolerantTransport(failing(is_closing=False)).write(b"x")


def test_everything_else_is_the_transports_own():
    transport = Mock()
    tolerant = TolerantTransport(transport)
    tolerant.write(b"data")
    tolerant.pause_reading()
    transport.write.assert_called_once_with(b"data")
    transport.pause_reading.assert_called_once_with()
