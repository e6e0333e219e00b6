"""Ingestion by Spark's executors, for images that outgrow the driver.

The driver handles names, counts and digests alone. An executor opens one part at a time; Spark
shuffles the images, spilling what does not fit; one task then streams each shard to storage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from crosscloud_mnist.adapters.spark.ingest_task import (
    CLASSES,
    IMAGES,
    LABELS,
    PIXELS,
    TEST_NAMES,
    ShardAssignment,
    check_part,
    images_of,
    write_shard,
)
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import ConfigurationError, IdxError


class SparkIngestor:
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
        self._cluster = SparkCluster(master, 1, conf={**reuse, **(conf or {})})
        self._targets = targets

    def ingest(self, folder: str, fraction: float, seed: int) -> dict[str, Any]:
        """Check every part, deal the images out, and return the data card: see ``ports.DistributedIngestor``.

        Raises:
            IdxError: A part is no pair of IDX files of digits, or the folder lacks training or
                test parts.
        """
        names = _parts(Path(folder))
        folders = [self._targets[split] for split in ("training", "validation", "test")]
        files = [
            tuple(
                str(Path(split["path"]) / f"{index:05d}-of-{split['shards']:05d}{kind}")
                for kind in (IMAGES, LABELS)
            )
            for split in folders
            for index in range(split["shards"])
        ]
        assignment = ShardAssignment(
            tuple(files), folders[0]["shards"], folders[1]["shards"], fraction, seed
        )
        with self._cluster.session(on_driver=False) as session, translate_job_errors():
            parts = session.sparkContext.parallelize(list(enumerate(names)), len(names))
            cards = parts.map(partial(check_part, assignment, folder)).collect()
            counts = [sum(card["shards"][shard] for card in cards) for shard in range(len(files))]
            for (images, _), count in zip(files, counts, strict=True):
                if not count:
                    raise ConfigurationError(
                        f"{images} would have no image, expected some in every shard; set fewer "
                        "shards in the globals, or a larger ingest_on_spark.validation_fraction"
                    )
            dealt = (
                parts.flatMap(partial(images_of, assignment, folder))
                .repartitionAndSortWithinPartitions(len(files), lambda key: key[0])
                .mapPartitionsWithIndex(partial(write_shard, assignment, counts))
                .collect()
            )
        for split in folders:
            for old in Path(split["path"]).glob("*-of-*-idx?-ubyte"):
                if f"-of-{split['shards']:05d}-" not in old.name:
                    old.unlink()
        return _card(folder, cards, assignment, dealt)


def _parts(folder: Path) -> list[str]:
    names = sorted(path.name.removesuffix(IMAGES) for path in folder.glob(f"*{IMAGES}"))
    tests = [name for name in names if name.startswith(TEST_NAMES)]
    if not tests or len(tests) == len(names):
        raise IdxError(
            f"{folder}: found {len(names)} parts, {len(tests)} of them for testing, expected some "
            f"of each as <name>{IMAGES} and <name>{LABELS}, not compressed, the names of test "
            f"parts beginning with {' or '.join(TEST_NAMES)}; unpack them there"
        )
    return names


def _card(
    folder: str,
    cards: list[dict[str, Any]],
    assignment: ShardAssignment,
    dealt: list[dict[str, Any]],
) -> dict[str, Any]:
    files = {name: digest for card in cards for name, digest in card["sha256"].items()}
    bounds = (
        0,
        assignment.training,
        assignment.training + assignment.validation,
        len(assignment.targets),
    )
    splits = {}
    for name, first, end in zip(("train", "validation", "test"), bounds, bounds[1:], strict=False):
        mine = [shard for shard in dealt if first <= shard["shard"] < end]
        per_class = [sum(shard["per_class"][digit] for shard in mine) for digit in range(CLASSES)]
        splits[name] = {
            "images": sum(per_class),
            "per_class": per_class,
            "mean_pixel": round(sum(s["ink"] for s in mine) / (sum(per_class) * PIXELS), 3),
            "sha256": hashlib.sha256("".join(s["sha256"] for s in mine).encode()).hexdigest(),
        }
    return {
        "dataset": Path(folder).name,
        "source": folder,
        "dataset_digest": hashlib.sha256("".join(sorted(files.values())).encode()).hexdigest(),
        "files_sha256": files,
        "splits": splits,
    }
