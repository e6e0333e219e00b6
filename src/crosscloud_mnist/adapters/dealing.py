"""Ingestion by Spark's executors, for pictures that outgrow the driver.

The driver handles names, counts and digests alone. An executor opens one part at a time; Spark
shuffles the pictures, spilling what does not fit; one task then streams each shard to storage.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from crosscloud_mnist.adapters.cluster import Cluster
from crosscloud_mnist.adapters.lost import in_one_line
from crosscloud_mnist.errors import ConfigurationError, IdxError
from crosscloud_mnist.files import stream_whole

_SIDE, _CLASSES = 28, 10
_PIXELS = _SIDE * _SIDE
_IMAGES, _LABELS = "-images-idx3-ubyte", "-labels-idx1-ubyte"
_CHUNK = 8192  # pictures
_TEST = ("t10k", "test")

Key = tuple[int, int]  # the shard, and where in it


@dataclass(frozen=True)
class Deal:
    """What decides where a picture goes: the same on every executor, whatever their number.

    Attributes:
        targets: The files of each shard, images and labels.
        training: How many of them, from the first, are for training; ``validation`` follow, and
            the last is the test set.
        validation: See there.
        fraction: The part of the pictures set aside for validation.
        seed: Of that choice, and of the order.
    """

    targets: tuple[tuple[str, ...], ...]
    training: int
    validation: int
    fraction: float
    seed: int

    def key(self, part: int, name: str, index: int) -> Key:
        """Return the shard of a picture, and its place in the order there."""
        if name.startswith(_TEST):
            return len(self.targets) - 1, (part << 40) + index
        drawn = hashlib.blake2b(f"{self.seed}:{name}:{index}".encode(), digest_size=16).digest()
        aside, shard, place = struct.unpack(">IIQ", drawn)
        if aside < self.fraction * 2**32:
            return self.training + shard % self.validation, place
        return shard % self.training, place


class Dealer:
    """Deals parts, pairs of IDX files, out into the shards that training reads.

    Args:
        master: Spark's master URL; ``None`` takes the session that is there (Databricks).
        targets: Folder and number of shards of ``training``, ``validation`` and ``test``.
        conf: More Spark settings, for a session that is made here.
    """

    def __init__(
        self,
        *,
        master: str | None,
        targets: Mapping[str, Mapping[str, Any]],
        conf: Mapping[str, str] | None = None,
    ) -> None:
        reuse = {"spark.python.worker.reuse": "true"}  # no TensorFlow here
        self._cluster = Cluster(master, 1, conf={**reuse, **(conf or {})})
        self._targets = targets

    def deal(self, folder: str, fraction: float, seed: int) -> dict[str, Any]:
        """Check every part, deal the pictures out, and return the data card: see ``ports.Dealer``.

        Raises:
            IdxError: A part is no pair of IDX files of digits, or the folder lacks training or
                test parts.
        """
        names = _parts(Path(folder))
        folders = [self._targets[split] for split in ("training", "validation", "test")]
        files = [
            tuple(
                str(Path(split["path"]) / f"{index:05d}-of-{split['shards']:05d}{kind}")
                for kind in (_IMAGES, _LABELS)
            )
            for split in folders
            for index in range(split["shards"])
        ]
        plan = Deal(tuple(files), folders[0]["shards"], folders[1]["shards"], fraction, seed)
        with self._cluster.session(on_driver=False) as session, in_one_line():
            parts = session.sparkContext.parallelize(list(enumerate(names)), len(names))
            cards = parts.map(partial(_checked, plan, folder)).collect()
            counts = [sum(card["shards"][shard] for card in cards) for shard in range(len(files))]
            for (images, _), count in zip(files, counts, strict=True):
                if not count:
                    raise ConfigurationError(
                        f"{images} would have no picture, expected some in every shard; set fewer "
                        "shards in the globals, or a larger ingest_on_spark.validation_fraction"
                    )
            dealt = (
                parts.flatMap(partial(_pictures, plan, folder))
                .repartitionAndSortWithinPartitions(len(files), lambda key: key[0])
                .mapPartitionsWithIndex(partial(_written, plan, counts))
                .collect()
            )
        for split in folders:
            for old in Path(split["path"]).glob("*-of-*-idx?-ubyte"):
                if f"-of-{split['shards']:05d}-" not in old.name:
                    old.unlink()
        return _card(folder, cards, plan, dealt)


def _parts(folder: Path) -> list[str]:
    names = sorted(path.name.removesuffix(_IMAGES) for path in folder.glob(f"*{_IMAGES}"))
    tests = [name for name in names if name.startswith(_TEST)]
    if not tests or len(tests) == len(names):
        raise IdxError(
            f"{folder}: found {len(names)} parts, {len(tests)} of them for testing, expected some "
            f"of each as <name>{_IMAGES} and <name>{_LABELS}, not compressed, the names of test "
            f"parts beginning with {' or '.join(_TEST)}; unpack them there"
        )
    return names


def _total(folder: str, name: str) -> int:
    """Return how many pictures a part has, where its files are what their headers say."""
    images, labels = Path(folder) / f"{name}{_IMAGES}", Path(folder) / f"{name}{_LABELS}"
    try:
        with images.open("rb") as pixels, labels.open("rb") as classes:
            heads = pixels.read(16), classes.read(8)
        values, total = images.stat().st_size - 16, labels.stat().st_size - 8
    except OSError as error:
        raise IdxError(
            f"{error.filename}: {error.strerror}, expected a part and its labels that every "
            "executor can read; put them on shared storage"
        ) from error
    if total < 0 or heads != _heads(total) or values != total * _PIXELS:
        raise IdxError(
            f"{images}: {values} bytes of pictures and {total} labels, expected IDX files of "
            f"equally many pictures of {_SIDE} x {_SIDE} and labels; fetch the part again"
        )
    return total


def _heads(total: int) -> tuple[bytes, bytes]:
    return struct.pack(">4I", 0x803, total, _SIDE, _SIDE), struct.pack(">2I", 0x801, total)


def _chunks(folder: str, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield a part's pixels and labels, some thousand pictures at a time."""
    total = _total(folder, name)
    with (
        (Path(folder) / f"{name}{_IMAGES}").open("rb") as pixels,
        (Path(folder) / f"{name}{_LABELS}").open("rb") as classes,
    ):
        pixels.seek(16)
        classes.seek(8)
        for start in range(0, total, _CHUNK):
            size = min(_CHUNK, total - start)
            yield pixels.read(size * _PIXELS), classes.read(size)


def _checked(plan: Deal, folder: str, part: tuple[int, str]) -> dict[str, Any]:
    """Return what a part holds: digests, and how many of its pictures go to each shard."""
    number, name = part
    shards, start = [0] * len(plan.targets), 0
    digests = tuple(hashlib.sha256(head) for head in _heads(_total(folder, name)))
    for chunk in _chunks(folder, name):
        for digest, values in zip(digests, chunk, strict=True):
            digest.update(values)
        if max(chunk[1]) >= _CLASSES:
            raise IdxError(
                f"{folder}/{name}{_LABELS}: labels reach {max(chunk[1])}, expected digits 0 to "
                f"{_CLASSES - 1}; fetch the part again"
            )
        for at in range(len(chunk[1])):
            shards[plan.key(number, name, start + at)[0]] += 1
        start += len(chunk[1])
    return {
        "shards": shards,
        "sha256": {
            f"{name}{kind}": digest.hexdigest()
            for kind, digest in zip((_IMAGES, _LABELS), digests, strict=True)
        },
    }


def _pictures(plan: Deal, folder: str, part: tuple[int, str]) -> Iterator[tuple[Key, bytes]]:
    number, name = part
    start = 0
    for pixels, classes in _chunks(folder, name):
        for at, label in enumerate(classes):
            picture = pixels[at * _PIXELS : (at + 1) * _PIXELS]
            yield plan.key(number, name, start + at), picture + bytes((label,))
        start += len(classes)


def _written(
    plan: Deal, counts: list[int], shard: int, pictures: Iterable[tuple[Key, bytes]]
) -> Iterator[dict[str, Any]]:
    """Stream one shard's pictures to storage; both files appear whole."""
    images, labels = map(Path, plan.targets[shard])
    count = counts[shard]
    per_class, ink, digest = [0] * _CLASSES, 0, hashlib.sha256()
    classes = bytearray()

    def stream() -> Iterator[bytes]:
        nonlocal ink
        yield _heads(count)[0]
        for _, record in pictures:
            pixels, label = record[:-1], record[-1]
            classes.append(label)
            per_class[label] += 1
            ink += sum(pixels)
            digest.update(record)
            yield pixels

    stream_whole(images, stream())
    stream_whole(labels, iter((_heads(count)[1], bytes(classes))))
    if len(classes) != count:
        raise IdxError(
            f"{images}: {len(classes)} pictures were dealt, expected {count}; a part has changed "
            "meanwhile: run again"
        )
    yield {"shard": shard, "per_class": per_class, "ink": ink, "sha256": digest.hexdigest()}


def _card(
    folder: str, cards: list[dict[str, Any]], plan: Deal, dealt: list[dict[str, Any]]
) -> dict[str, Any]:
    files = {name: digest for card in cards for name, digest in card["sha256"].items()}
    bounds = (0, plan.training, plan.training + plan.validation, len(plan.targets))
    splits = {}
    for name, first, end in zip(("train", "validation", "test"), bounds, bounds[1:], strict=False):
        mine = [shard for shard in dealt if first <= shard["shard"] < end]
        per_class = [sum(shard["per_class"][digit] for shard in mine) for digit in range(_CLASSES)]
        splits[name] = {
            "pictures": sum(per_class),
            "per_class": per_class,
            "mean_pixel": round(sum(s["ink"] for s in mine) / (sum(per_class) * _PIXELS), 3),
            "sha256": hashlib.sha256("".join(s["sha256"] for s in mine).encode()).hexdigest(),
        }
    return {
        "dataset": Path(folder).name,
        "source": folder,
        "dataset_digest": hashlib.sha256("".join(sorted(files.values())).encode()).hexdigest(),
        "files_sha256": files,
        "splits": splits,
    }
