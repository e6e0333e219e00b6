"""What every source of digits is read into."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RawDigits:
    """Four IDX files.

    Attributes:
        dataset: ``mnist``, or the name of what is not MNIST, such as ``uci-digits``.
        source: The folder, file, mirror or package that they came from.
        files: The uncompressed bytes under each name of ``mnist_files.FILES``.
        names: What to call a file in a message: its path, or the packed file and its array.
    """

    dataset: str
    source: str
    files: Mapping[str, bytes]
    names: Mapping[str, str] = field(default_factory=dict)

    def hash_files(self) -> dict[str, str]:
        """Return the SHA-256 of each file, hexadecimal."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}

    def name_of(self, file: str) -> str:
        """Return what to call a file in a message."""
        return self.names.get(file, file)
