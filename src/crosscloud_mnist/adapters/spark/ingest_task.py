"""What one executor task of ingestion does: read one part, or write one shard."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from crosscloud_mnist.adapters.spark.part_files import TEST_PREFIXES, read_chunks, read_part_size
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import atomic
from crosscloud_mnist.storage.shard_layout import (
    IMAGES_SUFFIX,
    LABELS_SUFFIX,
    images_header,
    labels_header,
)

ShardKey = tuple[int, int, int]  # the shard, then two numbers that order its images
NumberedPart = tuple[int, str]  # a part's position in the list of parts, and its name


class PartSummary(TypedDict):
    """What a part holds.

    Attributes:
        images_per_shard: How many of its images go to each shard.
        sha256: Of its two files, hexadecimal, by file name.
    """

    images_per_shard: list[int]
    sha256: dict[str, str]


class ShardSummary(TypedDict):
    """What was written to a shard.

    Attributes:
        per_class: Images of each class.
        pixel_sum: Sum of all pixels of all images.
        sha256: Of its images and labels, hexadecimal.
    """

    per_class: list[int]
    pixel_sum: int
    sha256: str


@dataclass(frozen=True)
class ShardAssignment:
    """What decides which shard an image goes to: the same on every executor.

    Attributes:
        targets: The files of each shard, images and labels: the training shards first, then the
            validation shards, and the one of the test set last.
        training_shards: How many of them are for training.
        validation_shards: How many of them are for validation.
        validation_fraction: The fraction of the training images that is set aside, 0 to 1.
        seed: Seed of that choice and of the order.
        contract: The shape of an image, and the classes.
    """

    targets: tuple[tuple[str, str], ...]
    training_shards: int
    validation_shards: int
    validation_fraction: float
    seed: int
    contract: Contract


def assign_shard(assignment: ShardAssignment, part: NumberedPart, index: int) -> ShardKey:
    """Choose the shard of an image and its position in the order there.

    Images of a test part keep their order, in the last shard. For any other image, the hash of
    ``<seed>:<name>:<index>`` gives three independent random numbers: whether it is set aside for
    validation, its shard, and its position.

    With seed 0, image 3 of ``part-0`` hashes to 2,891,981,862 (32 bits), 3,630,893,186 (32 bits)
    and 16,083,015,739,786,135,643 (64 bits). The first divided by 2**32 is 0.67, which is not below
    a fraction of 0.1: it is a training image. The second modulo 4 shards is 2. The third is its
    position. Image 4 draws 0.06: it is a validation image, and those shards follow the 4.

    >>> targets = (("images", "labels"),) * 7
    >>> contract = Contract((28, 28), "a digit", tuple(range(10)), "digit")
    >>> assignment = ShardAssignment(targets, 4, 2, 0.1, seed=0, contract=contract)
    >>> assign_shard(assignment, (0, "part-0"), 3)
    (2, 0, 16083015739786135643)
    >>> assign_shard(assignment, (0, "part-0"), 4)
    (5, 0, 11222107213441389775)
    >>> assign_shard(assignment, (5, "t10k"), 3)
    (6, 5, 3)

    Args:
        assignment: What decides.
        part: The image's part.
        index: The image's position in the part.
    """
    number, name = part
    if name.startswith(TEST_PREFIXES):
        return len(assignment.targets) - 1, number, index
    image_id = f"{assignment.seed}:{name}:{index}"
    digest = hashlib.blake2b(image_id.encode(), digest_size=16).digest()
    split_draw, shard_draw, position = struct.unpack(">IIQ", digest)
    if split_draw / 2**32 < assignment.validation_fraction:
        shard = assignment.training_shards + shard_draw % assignment.validation_shards
    else:
        shard = shard_draw % assignment.training_shards
    return shard, 0, position


def summarize_part(assignment: ShardAssignment, folder: str, part: NumberedPart) -> PartSummary:
    """Check a part and count its images.

    Raises:
        IdxError: It is not a pair of IDX files of the contract's images.
    """
    name = part[1]
    image_shape, class_count = assignment.contract.image_shape, assignment.contract.class_count
    count = read_part_size(folder, name, image_shape)
    images_sha256 = hashlib.sha256(images_header(count, image_shape))
    labels_sha256 = hashlib.sha256(labels_header(count))
    images_per_shard, index = [0] * len(assignment.targets), 0
    for pixels, labels in read_chunks(folder, name, image_shape):
        images_sha256.update(pixels)
        labels_sha256.update(labels)
        if max(labels) >= class_count:
            raise IdxError(
                f"{folder}/{name}{LABELS_SUFFIX}: labels reach {max(labels)}, expected labels "
                f"0 to {class_count - 1}; fetch the part again"
            )
        for _ in labels:
            images_per_shard[assign_shard(assignment, part, index)[0]] += 1
            index += 1
    return {
        "images_per_shard": images_per_shard,
        "sha256": {
            f"{name}{IMAGES_SUFFIX}": images_sha256.hexdigest(),
            f"{name}{LABELS_SUFFIX}": labels_sha256.hexdigest(),
        },
    }


def read_images(
    assignment: ShardAssignment, folder: str, part: NumberedPart
) -> Iterator[tuple[ShardKey, bytes]]:
    """Yield a part's images: the key, and the pixels followed by the label."""
    index, size = 0, assignment.contract.image_bytes
    for pixels, labels in read_chunks(folder, part[1], assignment.contract.image_shape):
        for offset, label in enumerate(labels):
            image = pixels[offset * size : (offset + 1) * size]
            yield assign_shard(assignment, part, index), image + bytes((label,))
            index += 1


def write_shard(
    assignment: ShardAssignment,
    counts: list[int],
    shard: int,
    images: Iterable[tuple[ShardKey, bytes]],
) -> Iterator[ShardSummary]:
    """Stream one shard's images to storage; each of its two files is written atomically.

    Raises:
        IdxError: There are more or fewer images than were counted.
    """
    images_path, labels_path = map(Path, assignment.targets[shard])
    pixel_sum, sha256, labels = 0, hashlib.sha256(), bytearray()

    def stream() -> Iterator[bytes]:
        nonlocal pixel_sum
        yield images_header(counts[shard], assignment.contract.image_shape)
        for _, record in images:
            pixels, label = record[:-1], record[-1]
            labels.append(label)
            pixel_sum += sum(pixels)
            sha256.update(record)
            yield pixels

    atomic.write_chunks(images_path, stream())
    atomic.write_chunks(labels_path, iter((labels_header(counts[shard]), bytes(labels))))
    if len(labels) != counts[shard]:
        raise IdxError(
            f"{images_path}: {len(labels)} images were written, expected {counts[shard]}; a part "
            "changed during ingestion: run again"
        )
    yield {
        "per_class": [labels.count(label) for label in range(assignment.contract.class_count)],
        "pixel_sum": pixel_sum,
        "sha256": sha256.hexdigest(),
    }
