"""A response is written in one piece, and dropped if the client has gone."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from crosscloud_mnist.serving.http.transport import ResponseTransport


def failing(*, is_closing: bool) -> Mock:
    transport = Mock()
    transport.write.side_effect = RuntimeError("the handler is closed")
    transport.is_closing.return_value = is_closing
    return transport


def test_a_write_to_a_connection_that_was_reset_is_dropped():
    ResponseTransport(failing(is_closing=True)).write(b"late")


def test_any_other_failure_of_a_write_is_raised():
    with pytest.raises(RuntimeError, match="the handler is closed"):
        ResponseTransport(failing(is_closing=False)).write(b"x")


def test_everything_else_is_the_transports_own():
    transport = Mock()
    responses = ResponseTransport(transport)
    responses.write(b"data")
    responses.pause_reading()
    transport.write.assert_called_once_with(b"data")
    transport.pause_reading.assert_called_once_with()


def test_the_head_is_written_with_the_first_part_of_the_body():
    transport = Mock()
    responses = ResponseTransport(transport)
    responses.write(b"HTTP/1.1 200 OK\r\n\r\n")
    transport.write.assert_not_called()
    responses.write(b"one")
    responses.write(b"two")
    written = [call.args[0] for call in transport.write.call_args_list]
    assert written == [b"HTTP/1.1 200 OK\r\n\r\none", b"two"]


@pytest.mark.parametrize("end", ["flush", "close"])
def test_a_head_without_a_body_is_written_at_the_end(end):
    transport = Mock()
    responses = ResponseTransport(transport)
    responses.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    getattr(responses, end)()
    getattr(responses, end)()
    transport.write.assert_called_once_with(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_a_client_that_waits_to_send_its_body_is_answered_at_once():
    transport = Mock()
    ResponseTransport(transport).write(b"HTTP/1.1 100 Continue\r\n\r\n")
    transport.write.assert_called_once_with(b"HTTP/1.1 100 Continue\r\n\r\n")
