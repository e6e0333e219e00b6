"""Ingestion by Spark's executors, for images that do not fit on the driver.

The driver handles names, counts and digests only. An executor opens one part at a time; Spark
shuffles the images, and spills what does not fit; one task then streams each shard to storage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from crosscloud_mnist.adapters.spark.cancel_on_signal import cancel_on_signal
from crosscloud_mnist.adapters.spark.ingest_task import (
    PartSummary,
    ShardAssignment,
    ShardSummary,
    read_images,
    summarize_part,
    write_shard,
)
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.part_files import list_parts
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage.data_card import (
    DataCard,
    SplitCard,
    build_data_card,
    build_data_origin,
    build_split_card,
)
from crosscloud_mnist.storage.shard_layout import remove_shards, shard_paths

Split = Literal["training", "validation", "test"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ShardFolder:
    """Where the shards of one split go.

    Attributes:
        path: Folder, on storage that every worker sees.
        shards: How many shards.
    """

    path: str
    shards: int

    def paths(self) -> list[tuple[str, str]]:
        """Return the files of images and labels of each shard."""
        return [
            (str(images), str(labels))
            for images, labels in (
                shard_paths(Path(self.path), index, self.shards) for index in range(self.shards)
            )
        ]


class SparkIngestor:
    """Writes the images of parts, pairs of IDX files, to the shards that training reads.

    Args:
        master: Spark's master URL; ``None`` takes the existing session (Databricks).
        targets: The shards of ``training``, ``validation`` and ``test``.
        contract: The shape of an image, and the classes.
        conf: More Spark settings, for a session that is created here.
    """

    def __init__(
        self,
        *,
        master: str | None,
        targets: Mapping[Split, Mapping[str, str | int]],
        contract: Mapping[str, Any],
        conf: Mapping[str, str] | None = None,
    ) -> None:
        worker_reuse = {"spark.python.worker.reuse": "true"}  # no TensorFlow here
        self._cluster = SparkCluster(master, 1, conf={**worker_reuse, **(conf or {})})
        self._contract = Contract(**contract)
        self._training = ShardFolder(**targets["training"])  # type: ignore[arg-type]
        self._validation = ShardFolder(**targets["validation"])  # type: ignore[arg-type]
        self._test = ShardFolder(**targets["test"])  # type: ignore[arg-type]

    def ingest(self, folder: str, fraction: float, seed: int) -> DataCard:
        """Check every part, write the shards and return the data card.

        See ``ports.DistributedIngestor``.

        Raises:
            IdxError: A part is not a pair of IDX files of the contract's images and labels, or the
                folder lacks training or test parts.
            ConfigurationError: A shard would have no image.
        """
        names = list_parts(Path(folder))
        targets = [self._training, self._validation, self._test]
        assignment = ShardAssignment(
            targets=tuple(path for target in targets for path in target.paths()),
            training_shards=self._training.shards,
            validation_shards=self._validation.shards,
            validation_fraction=fraction,
            seed=seed,
            contract=self._contract,
        )
        with self._cluster.session(on_driver=False) as session:
            spark = session.sparkContext
            with cancel_on_signal(spark), translate_job_errors():
                parts = spark.parallelize(list(enumerate(names)), len(names))
                part_summaries: list[PartSummary] = parts.map(
                    partial(summarize_part, assignment, folder)
                ).collect()
                counts = _count_images(part_summaries, assignment)
                # Otherwise a run that is killed would leave shards of two data sets.
                for target in targets:
                    remove_shards(Path(target.path))
                shard_summaries: list[ShardSummary] = (
                    parts.flatMap(partial(read_images, assignment, folder))
                    .repartitionAndSortWithinPartitions(len(counts), lambda key: key[0])
                    .mapPartitionsWithIndex(partial(write_shard, assignment, counts))
                    .collect()
                )
        return self._build_card(folder, part_summaries, shard_summaries)

    def _build_card(
        self, folder: str, parts: Sequence[PartSummary], shards: Sequence[ShardSummary]
    ) -> DataCard:
        files_sha256 = {name: sha256 for part in parts for name, sha256 in part["sha256"].items()}
        validation_start = self._training.shards
        test_start = validation_start + self._validation.shards
        return build_data_card(
            build_data_origin(Path(folder).name, folder, files_sha256),
            train=self._build_split_card(shards[:validation_start]),
            validation=self._build_split_card(shards[validation_start:test_start]),
            test=self._build_split_card(shards[test_start:]),
        )

    def _build_split_card(self, shards: Sequence[ShardSummary]) -> SplitCard:
        digests = "".join(shard["sha256"] for shard in shards)
        return build_split_card(
            per_class=[
                sum(counts) for counts in zip(*(s["per_class"] for s in shards), strict=True)
            ],
            pixel_sum=sum(shard["pixel_sum"] for shard in shards),
            image_bytes=self._contract.image_bytes,
            sha256=hashlib.sha256(digests.encode()).hexdigest(),
        )


def _count_images(parts: Sequence[PartSummary], assignment: ShardAssignment) -> list[int]:
    """Return how many images each shard will have."""
    counts = [sum(column) for column in zip(*(p["images_per_shard"] for p in parts), strict=True)]
    for (images, _), count in zip(assignment.targets, counts, strict=True):
        if not count:
            raise ConfigurationError(
                f"{images} would have no image, expected some in every shard; set fewer shards in "
                "the globals, or a larger ingest_on_spark.validation_fraction"
            )
    return counts
