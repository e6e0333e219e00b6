"""Which rows of pixels are scored: parts of files, recorded in the output files themselves.

Rows are too many to be listed one by one, as image files are. A part is a range of rows of one
file; an output file names in its metadata the parts that it holds, so that a run that was killed
resumes where it was, whatever the chunk size is next time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crosscloud_mnist.storage import atomic

if TYPE_CHECKING:
    import pyarrow as pa

_KEY = b"crosscloud_mnist.parts"


class Part(NamedTuple):
    """A range of rows of a file.

    Attributes:
        file: Its path, such as ``file:/images/t10k-images-idx3-ubyte``; of an archive, with ``#``
            and the array's name.
        modified: Microseconds since 1970.
        length: Bytes of the file.
        start: The first row, from 0.
        stop: The row after the last.
    """

    file: str
    modified: int
    length: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.stop - self.start


def mark(table: pa.Table, parts: Sequence[Part], errors: Mapping[str, int]) -> pa.Table:
    """Return the table with its parts in the metadata.

    Args:
        table: The scores of the parts.
        parts: At most one of each file.
        errors: How many rows of a file are no images.
    """
    records = [[*part, errors.get(part.file, 0)] for part in parts]
    return table.replace_schema_metadata({_KEY: json.dumps(records)})


def read_scored(output: Path, digest: str) -> dict[Part, int]:
    """Return the parts that earlier runs scored, and how many rows of each are no images."""
    import pyarrow.parquet as pq

    return {
        Part(*part): errors
        for path in atomic.find(output, f"{digest[:12]}-*.parquet")
        for *part, errors in json.loads((pq.read_schema(path).metadata or {}).get(_KEY, b"[]"))
    }


def holds_parts(path: Path) -> bool:
    """Return whether an output file holds scores of parts, and not of image files."""
    import pyarrow.parquet as pq

    return _KEY in (pq.read_schema(path).metadata or {})


def remove_scored(parts: Iterable[Part], scored: Iterable[Part]) -> list[Part]:
    """Return what is left of the parts; a file that has changed counts as another."""
    ranges = defaultdict(list)
    for part in scored:
        ranges[part[:3]].append((part.start, part.stop))
    return [left for part in parts for left in _subtract(part, sorted(ranges[part[:3]]))]


def _subtract(part: Part, ranges: Iterable[tuple[int, int]]) -> Iterator[Part]:
    start = part.start
    for scored_start, scored_stop in ranges:
        if start < min(scored_start, part.stop):
            yield part._replace(start=start, stop=min(scored_start, part.stop))
        start = max(start, scored_stop)
    if start < part.stop:
        yield part._replace(start=start)


def split(parts: Iterable[Part], rows: int) -> list[list[Part]]:
    """Return each part as chunks of at most so many rows."""
    return [
        [part._replace(start=start, stop=min(start + rows, part.stop))]
        for part in parts
        for start in range(part.start, part.stop, rows)
    ]


def group(parts: Iterable[Part], rows: int) -> list[list[Part]]:
    """Return the parts as chunks of at most so many rows, or of one larger part."""
    chunks: list[list[Part]] = []
    for part in parts:
        if chunks and sum(each.rows for each in chunks[-1]) + part.rows <= rows:
            chunks[-1].append(part)
        else:
            chunks.append([part])
    return chunks
