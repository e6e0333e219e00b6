"""Exchange of messages between ranks over Spark's barrier.

https://spark.apache.org/docs/latest/api/python/reference/api/pyspark.BarrierTaskContext.allGather.html
"""

from __future__ import annotations

import os


def gather(message: str) -> list[str]:
    """Return the messages of all ranks that train one model together, in rank order.

    Those are the ranks that share a ``TF_CONFIG``. A slot that trains by itself has none, and gets
    its own message only.
    """
    if "TF_CONFIG" not in os.environ:
        return [message]
    try:
        from pyspark import BarrierTaskContext, TaskContext
    except ImportError:  # a single process needs no Spark
        return [message]
    context = TaskContext.get()
    if not isinstance(context, BarrierTaskContext):
        return [message]
    messages: list[str] = context.allGather(message)
    return messages
