"""The first import of TensorFlow in a process, without its startup messages."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# TensorFlow writes these before it reads TF_CPP_MIN_LOG_LEVEL: facts about itself, and that CUDA
# finds no driver on a machine without a GPU.
_STARTUP_LINE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|I\d{4} \d\d:\d\d:"
    rb"|E\d{4} .*(failed call to cuInit|CUDA_ERROR_NO_DEVICE)"
)
_FORWARD_SECONDS = 1.0  # a child process that was started meanwhile may keep the pipe open


def start_tensorflow(*, hide_gpus: bool) -> None:
    """Import TensorFlow without the lines about its own startup, if it is not imported yet.

    Environment variables that are set keep their value. Warnings and errors still show.

    Args:
        hide_gpus: Whether TensorFlow uses the processor alone.
    """
    hide_deprecations()
    if hide_gpus:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # see training.train
    if "tensorflow" in sys.modules:
        return
    with _filter_stderr():
        import tensorflow as tf

        tf.config.list_physical_devices()  # asks CUDA for its driver, once in a process


def hide_deprecations() -> None:
    """Hide what TensorFlow logs of the deprecated calls that MirroredStrategyRunner makes."""
    logging.getLogger("tensorflow").addFilter(_is_not_deprecation)


def _is_not_deprecation(record: logging.LogRecord) -> bool:
    return "is deprecated and will be removed in a future version" not in record.getMessage()


def is_startup_line(line: bytes) -> bool:
    """Return whether a line of standard error is TensorFlow's about its startup without a GPU."""
    return _STARTUP_LINE.match(line) is not None


@contextmanager
def _filter_stderr() -> Iterator[None]:
    """Drop startup lines that C++ writes to file descriptor 2 while the block runs."""
    read_fd, write_fd = os.pipe()
    stderr_fd = os.dup(2)

    def forward() -> None:
        with os.fdopen(read_fd, "rb") as pipe, os.fdopen(os.dup(stderr_fd), "wb", 0) as stderr:
            for line in pipe:
                if not is_startup_line(line):
                    stderr.write(line)

    forwarder = threading.Thread(target=forward, name="stderr-filter", daemon=True)
    forwarder.start()
    os.dup2(write_fd, 2)
    os.close(write_fd)
    try:
        yield
    finally:
        os.dup2(stderr_fd, 2)  # closes this process's writer, which ends the forwarder
        os.close(stderr_fd)
        forwarder.join(_FORWARD_SECONDS)
