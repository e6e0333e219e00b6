"""A file of MNIST from a public mirror."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlsplit

from crosscloud_mnist.datasets.mnist_files import MAX_FILE_BYTES
from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.reachability import check_reachable
from crosscloud_mnist.redaction import mask_uris

_TIMEOUT_SECONDS = 20
_REACH_SECONDS = 10


def fetch(url: str) -> bytes:
    """Return the content of a URL.

    Raises:
        IdxError: The URL is not http or https, holds a password, or its content is too large.
        OSError: The mirror does not answer, or has no such file.
    """
    if not url.startswith(("http://", "https://")) or "@" in urlsplit(url).netloc:
        raise IdxError(
            f"{mask_uris(url)}: expected a mirror's http or https address without a password; "
            "correct mnist_mirrors in the globals"
        )
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
        content: bytes = response.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise IdxError(
            f"{mask_uris(url)}: larger than {MAX_FILE_BYTES} bytes, expected an MNIST file; name "
            "another mirror"
        )
    return content


def is_available(url: str) -> bool:
    """Whether a URL answers; nothing is downloaded."""
    try:
        check_reachable(url, "a mirror of MNIST", IdxError)
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310  checked by the line above
        with urllib.request.urlopen(request, timeout=_REACH_SECONDS):  # noqa: S310
            return True
    except (OSError, ValueError, IdxError):
        return False
