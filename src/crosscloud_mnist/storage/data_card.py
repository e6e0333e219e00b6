"""The data card: where a data set comes from, its digests, and counts by class and split."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypedDict


class SplitCard(TypedDict):
    """What one split holds.

    Attributes:
        images: How many.
        per_class: How many of each class, from class 0.
        mean_pixel: Over all values, 0 to 255.
        sha256: Of the content, hexadecimal.
    """

    images: int
    per_class: list[int]
    mean_pixel: float
    sha256: str


class Splits(TypedDict):
    """The three splits of a data set."""

    train: SplitCard
    validation: SplitCard
    test: SplitCard


class DataOrigin(TypedDict):
    """Where a data set comes from.

    Attributes:
        dataset: Its name, such as ``mnist``.
        source: The folder, mirror or package.
        dataset_digest: SHA-256, hexadecimal, over the digests of its files.
        files_sha256: SHA-256, hexadecimal, of each file's uncompressed bytes, by name.
    """

    dataset: str
    source: str
    dataset_digest: str
    files_sha256: dict[str, str]


class DataCard(DataOrigin):
    """Where a data set comes from, and what its splits hold."""

    splits: Splits


def build_data_origin(dataset: str, source: str, files_sha256: Mapping[str, str]) -> DataOrigin:
    """Return the origin; the order of the files does not change the digest."""
    digest = hashlib.sha256("".join(sorted(files_sha256.values())).encode()).hexdigest()
    return DataOrigin(
        dataset=dataset, source=source, dataset_digest=digest, files_sha256=dict(files_sha256)
    )


def build_split_card(
    per_class: Sequence[int], pixel_sum: int, image_bytes: int, sha256: str
) -> SplitCard:
    """Return the card of a split.

    Args:
        per_class: Images of each class.
        pixel_sum: Sum of all values of all images.
        image_bytes: How many values an image has.
        sha256: Of the content, hexadecimal.
    """
    images = sum(per_class)
    return SplitCard(
        images=images,
        per_class=list(per_class),
        mean_pixel=round(pixel_sum / (images * image_bytes), 3),
        sha256=sha256,
    )


def build_data_card(
    origin: DataOrigin, train: SplitCard, validation: SplitCard, test: SplitCard
) -> DataCard:
    """Return the data card."""
    return DataCard(**origin, splits=Splits(train=train, validation=validation, test=test))
