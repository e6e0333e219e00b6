"""How calls and results cross between two processes: MessagePack, which cannot carry code.

What crosses: ``None``, booleans, numbers, strings, bytes, lists, dictionaries, paths, arrays of
numbers and the ports' dataclasses. A tuple arrives as a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from crosscloud_mnist.ports import Check, Deployment, LedgerEntry, LoggedModel, ModelVersion

_PATH, _ARRAY, _DATACLASS = 1, 2, 3  # MessagePack extension types
_NUMBER_KINDS = "biuf"  # boolean, integer, unsigned, float
_DATACLASSES = {
    each.__name__: each for each in (Check, Deployment, LedgerEntry, LoggedModel, ModelVersion)
}


def encode(value: Any) -> bytes:
    """Return the value as bytes.

    Raises:
        TypeError: It holds something that may not cross.
    """
    return msgspec.msgpack.encode(_to_plain(value))


def decode(content: bytes) -> Any:
    """Return the value of the bytes.

    Raises:
        ValueError: They are not what ``encode`` returns.
    """
    try:
        return msgspec.msgpack.decode(content, ext_hook=_from_extension)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"not a valid message: {error}") from error


def _to_plain(value: Any) -> Any:
    plain: Any
    match value:
        case np.generic():
            plain = value.item()
        case None | bool() | int() | float() | str() | bytes():
            plain = value
        case Mapping():
            plain = {str(key): _to_plain(each) for key, each in value.items()}
        case list() | tuple():
            plain = [_to_plain(each) for each in value]
        case _:
            plain = _to_extension(value)
    return plain


def _to_extension(value: Any) -> msgspec.msgpack.Ext:
    if isinstance(value, Path):
        return msgspec.msgpack.Ext(_PATH, str(value).encode())
    if isinstance(value, np.ndarray):
        return msgspec.msgpack.Ext(_ARRAY, _encode_array(value))
    name = type(value).__name__
    if type(value) is _DATACLASSES.get(name):
        content = {each.name: _to_plain(getattr(value, each.name)) for each in fields(value)}
        return msgspec.msgpack.Ext(_DATACLASS, encode([name, content]))
    raise TypeError(
        f"a {name} cannot be sent to another process, expected plain values, paths, arrays of "
        "numbers or the ports' dataclasses"
    )


def _encode_array(array: np.ndarray[Any, Any]) -> bytes:
    if array.dtype.kind not in _NUMBER_KINDS:
        raise TypeError(f"an array of {array.dtype} cannot be sent, expected one of numbers")
    return encode([array.dtype.str, list(array.shape), array.tobytes()])


def _from_extension(code: int, data: memoryview) -> Any:
    content = bytes(data)
    if code == _PATH:
        return Path(content.decode())
    if code == _ARRAY:
        dtype_name, shape, elements = decode(content)
        dtype = np.dtype(str(dtype_name))
        if dtype.kind not in _NUMBER_KINDS:
            raise ValueError(f"an array of {dtype}, expected one of numbers")
        return np.frombuffer(elements, dtype).reshape(shape).copy()
    if code == _DATACLASS:
        name, values = decode(content)
        if name not in _DATACLASSES:
            raise ValueError(f"a {name}, expected one of {', '.join(_DATACLASSES)}")
        return msgspec.convert(values, _DATACLASSES[name])
    raise ValueError(f"extension {code}, expected 1 to 3")
