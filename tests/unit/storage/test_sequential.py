"""A file is written from front to back, again from its start where the storage is busy."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest

from crosscloud_mnist.storage import sequential


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited; none is."""
    waited: list[float] = []
    monkeypatch.setattr(sequential.time, "sleep", waited.append)
    return waited


class BusySource(io.BytesIO):
    """Content whose reading fails, as the write to busy storage would."""

    def __init__(self, content: bytes, failures: int) -> None:
        super().__init__(content)
        self.failures = failures

    def read(self, size: int | None = -1) -> bytes:
        if self.failures and self.tell():
            self.failures -= 1
            raise BlockingIOError(errno.EAGAIN, "busy")
        return super().read(size)


def test_a_file_replaces_the_one_that_exists(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a longer content")
    sequential.copy(io.BytesIO(b"content"), path)
    assert path.read_bytes() == b"content"


def test_busy_storage_is_tried_again_from_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delays: list[float]
) -> None:
    monkeypatch.setattr(sequential, "_CHUNK_BYTES", 4)
    sequential.copy(BusySource(b"0123456789", failures=2), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"0123456789"
    assert delays == [0.1, 0.5]


def test_storage_that_stays_busy_is_an_error(delays: list[float]) -> None:
    def fail() -> None:
        raise BlockingIOError(errno.EAGAIN, "busy")

    with pytest.raises(BlockingIOError):
        sequential.retry_busy(fail)
    assert sum(delays) < 10


def test_another_error_is_not_tried_again(tmp_path: Path, delays: list[float]) -> None:
    with pytest.raises(FileNotFoundError):
        sequential.copy(io.BytesIO(), tmp_path / "absent" / "file")
    assert delays == []
