"""What crosses between two processes: values, and never code."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from crosscloud_mnist.isolation.codec import decode, encode
from crosscloud_mnist.ports import Deployment, LedgerEntry, LoggedModel, ModelVersion


@pytest.mark.parametrize(
    "value",
    [
        None,
        [True, -3, 0.5, "ä", b"\x00"],
        {"a": {"b": [None]}},
        Path("/tmp/ä b"),
        ModelVersion("mnist_cnn", "3", "ab" * 32, {"verified": "yes"}),
        LoggedModel("models:/m-1", "ab" * 32, "run"),
        Deployment("http://127.0.0.1", "mnist_cnn", "3", "ab" * 32),
        [LedgerEntry("promoted", "mnist_cnn", "champion", "3", "ab" * 32, completed=True)],
    ],
)
def test_a_value_arrives_as_it_was_sent(value):
    assert decode(encode(value)) == value


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "bool", ">i4"])
def test_an_array_arrives_with_its_type_shape_and_elements(dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    arrived = decode(encode({"images": array[:, ::2]}))["images"]
    assert arrived.dtype == array.dtype
    np.testing.assert_array_equal(arrived, array[:, ::2])
    arrived[...] = 0  # it is writable


def test_a_number_of_numpy_arrives_as_a_number():
    assert decode(encode([np.float64(0.5), np.uint8(7)])) == [0.5, 7]


@dataclass(frozen=True)
class Unregistered:
    """Not a value of the ports."""


@pytest.mark.parametrize("value", [object(), {1, 2}, print, Unregistered(), np.array([object()])])
def test_anything_else_is_not_sent(value):
    with pytest.raises(TypeError, match="cannot be sent"):
        encode([value])


class Harmful:
    """Creates a file when it is unpickled."""

    def __reduce__(self):
        return open, ("harm", "w")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xc1",
        pickle.dumps(Harmful()),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(9, b"")),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(2, encode(["|O", [1], bytes(8)]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(2, encode(["<f8", [9], bytes(8)]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(3, encode(["Popen", {"args": "touch harm"}]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(3, encode(["ModelVersion", {"name": 1}]))),
        b"\x91" * 100_000,
    ],
    ids=["empty", "invalid", "pickle", "unknown", "objects", "short", "class", "field", "deep"],
)
def test_a_message_that_is_not_valid_is_refused(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="not a valid message"):
        decode(content)
    assert not any(tmp_path.iterdir())
