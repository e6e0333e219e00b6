"""Images as rows of a CSV file: ``pixel0``, ``pixel1``, …, as Kaggle's digit-recognizer has them.

https://www.kaggle.com/competitions/digit-recognizer/data: ``train.csv`` also has the column
``label``, ``test.csv`` has not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

LABEL = "label"
PIXEL = "pixel"  # before the number of the column, from 0
_MAX_FILE_BYTES = 2**30  # Kaggle's largest has 77 million
_MAX_HEADER_BYTES = 2**20
_MAX_REASON_CHARACTERS = 200


def read_labelled(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the images, uint8 [n, pixels], as many as there are columns, and labels, uint8 [n].

    Raises:
        DataError: The file lacks a column, is broken, is too large, or a value is not a whole
            number from 0 to 255.
        OSError: The file cannot be read.
    """
    header = read_header(path)
    pixels = max(1, sum(name.startswith(PIXEL) for name in header))
    if LABEL not in header:
        raise DataError(
            f"{path}: has no column {LABEL}, expected {LABEL} and {_describe(pixels)}: Kaggle's "
            "test.csv has no labels; put its train.csv there"
        )
    table = _read(path, [LABEL, *name_pixels(pixels)])
    return _to_array(table, pixels), table[LABEL].to_numpy()


def read_images(
    path: Path, pixels: int, id_column: str | None
) -> tuple[NDArray[np.uint8], list[str] | None]:
    """Return the images, uint8 [n, pixels], and what the column ``id_column`` holds.

    Args:
        path: The file.
        pixels: Of an image.
        id_column: A column of text; ``None`` returns no ids.

    Raises:
        DataError: As ``read_labelled``.
        OSError: The file cannot be read.
    """
    table = _read(path, [*([id_column] if id_column else []), *name_pixels(pixels)])
    ids = table[id_column].to_pylist() if id_column else None
    return _to_array(table, pixels), ids


def read_header(path: Path) -> list[str]:
    """Return the names of the columns.

    Raises:
        DataError: The first line is no text, or names a column twice.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        line = file.readline(_MAX_HEADER_BYTES)
    try:
        names = [name.strip().strip('"') for name in line.decode("utf-8-sig").split(",")]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: its first line is no text, expected the names of the columns; write the file "
            "as CSV"
        ) from error
    counts = Counter(names)
    name, count = counts.most_common(1)[0]
    if count > 1:
        raise DataError(f"{path}: names the column {name} twice, expected it once; rename one")
    return names


def name_pixels(pixels: int) -> list[str]:
    """Return the names of the columns of an image."""
    return [f"{PIXEL}{index}" for index in range(pixels)]


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    """Return the columns: pixels and labels as uint8, any other as text."""
    import pyarrow as pa
    from pyarrow import csv

    found = path.stat().st_size
    if found > _MAX_FILE_BYTES:
        raise DataError(
            f"{path}: has {found} bytes, expected at most {_MAX_FILE_BYTES}; split it, or write it "
            "as a table in Parquet"
        )
    header = read_header(path)
    missing = [name for name in columns if name not in header]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(
            f"{path}: has no column {missing[0]}{more}, expected "
            f"{_describe(sum(name.startswith(PIXEL) for name in columns))}; name them in the header"
        )
    types = {
        name: pa.uint8() if name == LABEL or name.startswith(PIXEL) else pa.string()
        for name in columns
    }
    try:
        table = csv.read_csv(
            path,
            csv.ReadOptions(use_threads=False),  # only so does an error name the row
            convert_options=csv.ConvertOptions(
                column_types=types, include_columns=list(columns), null_values=[]
            ),
        )
    except pa.ArrowInvalid as error:
        reason = re.sub(
            r"In CSV column #(\d+)", lambda match: f"column {header[int(match[1])]}", str(error)
        )
        reason = " ".join(reason.split())[:_MAX_REASON_CHARACTERS]
        raise DataError(
            f"{path}: {reason}, expected a whole number from 0 to 255 in every column of every "
            "row; correct the row"
        ) from error
    if not table.num_rows:
        raise DataError(f"{path}: has no rows, expected one for each image; write the file again")
    return table


def _to_array(table: pa.Table, pixels: int) -> NDArray[np.uint8]:
    images = np.empty((table.num_rows, pixels), np.uint8)
    for index, name in enumerate(name_pixels(pixels)):
        images[:, index] = table[name].to_numpy()
    return images


def _describe(pixels: int) -> str:
    return f"{PIXEL}0 to {PIXEL}{pixels - 1}"
