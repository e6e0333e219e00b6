"""Which file operations a storage folder supports, and whether other processes see its files."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from crosscloud_mnist.errors import ConfigurationError

_CONTENT = bytes(range(256)) * 4096  # 1 MiB
_CHUNK_BYTES = 2**18

# What this project relies on: it writes sequentially, and renames where that works.
REQUIRED = ("see the driver's file", "write", "read", "list", "overwrite", "delete")
EXPECTED = "files are seen, written, read, listed, overwritten and deleted"
REMEDY = "check the volume and its grants READ VOLUME and WRITE VOLUME, or set MNIST_STORAGE"


@contextmanager
def shared_file(folder: str) -> Iterator[str]:
    """Write a file for ``probe`` to find, and remove it after the block.

    Raises:
        ConfigurationError: It cannot be written.
    """
    path = Path(folder) / f"probe-{os.getpid()}-{os.urandom(4).hex()}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written to ({error.strerror}), expected a folder; {REMEDY}"
        ) from error
    try:
        yield str(path)
    finally:
        path.unlink(missing_ok=True)


def probe(shared: str) -> dict[str, str]:
    """Try every operation in a new folder beside a shared file, and remove that folder.

    Args:
        shared: Path of the file that ``shared_file`` wrote, maybe in another process.

    Returns:
        The reason why it failed, or ``""``, by operation.
    """
    scratch = Path(shared).with_name(f"probe-{os.getpid()}-{os.urandom(4).hex()}")
    results = {"see the driver's file": _try(_read_shared, Path(shared))}
    try:
        for name, operation in _OPERATIONS.items():
            results[name] = _try(operation, scratch)
    finally:
        results["delete"] = _try(shutil.rmtree, scratch)
    return results


def check_required(folder: str, results: Mapping[str, str]) -> str:
    """Return that every required operation works.

    Args:
        folder: Where they were tried, for the message.
        results: What ``probe`` returned.

    Raises:
        ConfigurationError: One of them failed.
    """
    failed = [f"{name} fails with {results[name]}" for name in REQUIRED if results.get(name)]
    if failed:
        raise ConfigurationError(f"{folder}: {', '.join(failed)}, expected {EXPECTED}; {REMEDY}")
    return EXPECTED


def describe_optional(results: Mapping[str, str]) -> str:
    """Return which of the other operations work, as one line."""
    optional = {name: reason for name, reason in results.items() if name not in REQUIRED}
    return ", ".join(f"{name}: {reason or 'yes'}" for name, reason in optional.items())


def _read_shared(path: Path) -> None:
    if path.read_text() != path.name:
        raise OSError(errno.EIO, "other text than the driver wrote")


def _try(operation: Callable[[Path], None], folder: Path) -> str:
    try:
        operation(folder)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return f"{name} ({error.strerror or error})"
    return ""


def _write(folder: Path) -> None:
    folder.mkdir()
    _write_file(folder / "file")


def _write_file(path: Path) -> None:
    with path.open("wb") as file:
        for start in range(0, len(_CONTENT), _CHUNK_BYTES):
            file.write(_CONTENT[start : start + _CHUNK_BYTES])


def _read(folder: Path) -> None:
    if (folder / "file").read_bytes() != _CONTENT:
        raise OSError(errno.EIO, "other bytes than those written")


def _list(folder: Path) -> None:
    if [path.name for path in folder.iterdir()] != ["file"]:
        raise OSError(errno.ENOENT, "the file just written is not listed")


def _overwrite(folder: Path) -> None:
    (folder / "file").write_bytes(b"shorter")
    if (folder / "file").read_bytes() != b"shorter":
        raise OSError(errno.EIO, "the earlier bytes are still there")


def _rename_file(folder: Path) -> None:
    _write_file(folder / "old")
    (folder / "old").replace(folder / "new")
    (folder / "new").stat()


def _rename_folder(folder: Path) -> None:
    (folder / "old-folder").mkdir()
    _write_file(folder / "old-folder" / "file")
    (folder / "old-folder").rename(folder / "new-folder")
    (folder / "new-folder" / "file").stat()


def _write_backward(folder: Path) -> None:
    with (folder / "backward").open("wb") as file:
        file.write(_CONTENT)
        file.seek(0)  # as zip files do, and so numpy.savez
        file.write(b"header")


def _append(folder: Path) -> None:
    (folder / "appended").write_bytes(b"first")
    with (folder / "appended").open("ab") as file:
        file.write(b"second")


def _link(folder: Path) -> None:
    (folder / "target").write_bytes(b"")
    os.link(folder / "target", folder / "link")


def _set_time(folder: Path) -> None:
    (folder / "timed").write_bytes(b"")
    os.utime(folder / "timed", (0, 0))


def _lock(folder: Path) -> None:
    import fcntl

    with (folder / "lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_OPERATIONS: Mapping[str, Callable[[Path], None]] = {
    "write": _write,
    "read": _read,
    "list": _list,
    "overwrite": _overwrite,
    "rename a file": _rename_file,
    "rename a folder": _rename_folder,
    "backward write (zip)": _write_backward,
    "append": _append,
    "hard link": _link,
    "set a time": _set_time,
    "lock": _lock,
}
