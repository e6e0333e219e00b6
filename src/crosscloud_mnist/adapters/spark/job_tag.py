"""A tag on this thread's Spark jobs: only they are cancelled, never those of another user."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import SparkContext

_INTERRUPT_ON_CANCEL = "spark.job.interruptOnCancel"


@contextmanager
def tag_jobs(spark: SparkContext) -> Iterator[str]:
    """Tag the jobs that this thread starts, and yield the tag for ``cancelJobsWithTag``.

    Tags that the thread already has, and its job group, are left as they are.
    """
    from py4j.protocol import Py4JError

    tag = f"crosscloud-mnist-{uuid.uuid4().hex}"
    previous = spark.getLocalProperty(_INTERRUPT_ON_CANCEL)
    spark.addJobTag(tag)
    spark.setInterruptOnCancel(True)
    try:
        yield tag
    finally:
        with suppress(Py4JError):  # the JVM may have ended
            spark.removeJobTag(tag)
            spark.setInterruptOnCancel(previous == "true")
