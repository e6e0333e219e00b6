"""What the ranks tell each other over Spark's barrier.

https://spark.apache.org/docs/latest/api/python/reference/api/pyspark.BarrierTaskContext.allGather.html
"""

from __future__ import annotations


def gather(message: str) -> list[str]:
    """Return the messages of all ranks, in rank order; outside a barrier task this one alone."""
    try:
        from pyspark import BarrierTaskContext, TaskContext
    except ImportError:  # a single process needs no Spark
        return [message]
    context = TaskContext.get()
    if not isinstance(context, BarrierTaskContext):
        return [message]
    messages: list[str] = context.allGather(message)
    return messages
