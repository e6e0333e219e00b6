"""What an executor does to deal images out: one part, or one shard, at a time."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import atomic

SIDE, CLASSES = 28, 10
PIXELS = SIDE * SIDE
IMAGES, LABELS = "-images-idx3-ubyte", "-labels-idx1-ubyte"
TEST_NAMES = ("t10k", "test")
_CHUNK = 8192  # images

Key = tuple[int, int]  # the shard, and where in it


@dataclass(frozen=True)
class ShardAssignment:
    """What decides where an image goes: the same on every executor, whatever their number.

    Attributes:
        targets: The files of each shard, images and labels.
        training: How many of them, from the first, are for training; ``validation`` follow, and
            the last is the test set.
        validation: See there.
        fraction: The part of the images set aside for validation.
        seed: Of that choice, and of the order.
    """

    targets: tuple[tuple[str, ...], ...]
    training: int
    validation: int
    fraction: float
    seed: int

    def key(self, part: int, name: str, index: int) -> Key:
        """Return the shard of an image, and its place in the order there."""
        if name.startswith(TEST_NAMES):
            return len(self.targets) - 1, (part << 40) + index
        drawn = hashlib.blake2b(f"{self.seed}:{name}:{index}".encode(), digest_size=16).digest()
        aside, shard, place = struct.unpack(">IIQ", drawn)
        if aside < self.fraction * 2**32:
            return self.training + shard % self.validation, place
        return shard % self.training, place


def _total(folder: str, name: str) -> int:
    """Return how many images a part has, where its files are what their headers say."""
    images, labels = Path(folder) / f"{name}{IMAGES}", Path(folder) / f"{name}{LABELS}"
    try:
        with images.open("rb") as pixels, labels.open("rb") as classes:
            heads = pixels.read(16), classes.read(8)
        values, total = images.stat().st_size - 16, labels.stat().st_size - 8
    except OSError as error:
        raise IdxError(
            f"{error.filename}: {error.strerror}, expected a part and its labels that every "
            "executor can read; put them on shared storage"
        ) from error
    if total < 0 or heads != _heads(total) or values != total * PIXELS:
        raise IdxError(
            f"{images}: {values} bytes of images and {total} labels, expected IDX files of "
            f"equally many images of {SIDE} x {SIDE} and labels; fetch the part again"
        )
    return total


def _heads(total: int) -> tuple[bytes, bytes]:
    return struct.pack(">4I", 0x803, total, SIDE, SIDE), struct.pack(">2I", 0x801, total)


def _chunks(folder: str, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield a part's pixels and labels, some thousand images at a time."""
    total = _total(folder, name)
    with (
        (Path(folder) / f"{name}{IMAGES}").open("rb") as pixels,
        (Path(folder) / f"{name}{LABELS}").open("rb") as classes,
    ):
        pixels.seek(16)
        classes.seek(8)
        for start in range(0, total, _CHUNK):
            size = min(_CHUNK, total - start)
            yield pixels.read(size * PIXELS), classes.read(size)


def check_part(assignment: ShardAssignment, folder: str, part: tuple[int, str]) -> dict[str, Any]:
    """Return what a part holds: digests, and how many of its images go to each shard."""
    number, name = part
    shards, start = [0] * len(assignment.targets), 0
    digests = tuple(hashlib.sha256(head) for head in _heads(_total(folder, name)))
    for chunk in _chunks(folder, name):
        for digest, values in zip(digests, chunk, strict=True):
            digest.update(values)
        if max(chunk[1]) >= CLASSES:
            raise IdxError(
                f"{folder}/{name}{LABELS}: labels reach {max(chunk[1])}, expected digits 0 to "
                f"{CLASSES - 1}; fetch the part again"
            )
        for at in range(len(chunk[1])):
            shards[assignment.key(number, name, start + at)[0]] += 1
        start += len(chunk[1])
    return {
        "shards": shards,
        "sha256": {
            f"{name}{kind}": digest.hexdigest()
            for kind, digest in zip((IMAGES, LABELS), digests, strict=True)
        },
    }


def images_of(
    assignment: ShardAssignment, folder: str, part: tuple[int, str]
) -> Iterator[tuple[Key, bytes]]:
    """Yield a part's images, each with its label behind its pixels, by where they go."""
    number, name = part
    start = 0
    for pixels, classes in _chunks(folder, name):
        for at, label in enumerate(classes):
            image = pixels[at * PIXELS : (at + 1) * PIXELS]
            yield assignment.key(number, name, start + at), image + bytes((label,))
        start += len(classes)


def write_shard(
    assignment: ShardAssignment, counts: list[int], shard: int, images: Iterable[tuple[Key, bytes]]
) -> Iterator[dict[str, Any]]:
    """Stream one shard's images to storage; both files appear whole."""
    images_path, labels_path = map(Path, assignment.targets[shard])
    count = counts[shard]
    per_class, ink, digest = [0] * CLASSES, 0, hashlib.sha256()
    classes = bytearray()

    def stream() -> Iterator[bytes]:
        nonlocal ink
        yield _heads(count)[0]
        for _, record in images:
            pixels, label = record[:-1], record[-1]
            classes.append(label)
            per_class[label] += 1
            ink += sum(pixels)
            digest.update(record)
            yield pixels

    atomic.write_chunks(images_path, stream())
    atomic.write_chunks(labels_path, iter((_heads(count)[1], bytes(classes))))
    if len(classes) != count:
        raise IdxError(
            f"{images_path}: {len(classes)} images were written, expected {count}; a part has changed "
            "meanwhile: run again"
        )
    yield {"shard": shard, "per_class": per_class, "ink": ink, "sha256": digest.hexdigest()}
