"""Kedro wraps what a dataset raises; these tests are about what is inside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from kedro.io import DatasetError


@contextmanager
def _raises_cause(kind: type[Exception], said: str) -> Iterator[None]:
    with pytest.raises(DatasetError) as raised:
        yield
    cause = raised.value.__cause__
    assert isinstance(cause, kind)
    assert re.search(said, str(cause))
    assert "\n" not in str(cause)


@pytest.fixture
def raises_cause() -> Callable[[type[Exception], str], AbstractContextManager[None]]:
    return _raises_cause
