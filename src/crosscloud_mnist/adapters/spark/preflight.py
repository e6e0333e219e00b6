"""What every slot is asked before training: what would fail or starve later is refused by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark import SparkContext

_LIBRARIES = ("crosscloud-mnist", "tensorflow", "keras", "numpy", "spark-tensorflow-distributor")
_GB = 10**9


def check_slots(spark: SparkContext, slots: int, slot_memory: int) -> None:
    """Ask as many barrier tasks as there will be slots for their libraries and their memory.

    Args:
        spark: The cluster's context.
        slots: How many tasks train at once.
        slot_memory: Bytes that each takes outside the executor's heap.

    Raises:
        ConfigurationError: A slot lacks a library or has another version of it than the driver,
            or a machine has not the memory for the slots on it.
    """
    names = _LIBRARIES

    # Nested, so that it is pickled by value: executors may lack this package.
    def describe(_: Iterable[int]) -> Iterable[tuple[str, dict[str, str | None], int]]:
        import os
        from importlib.metadata import PackageNotFoundError, version
        from pathlib import Path

        found: dict[str, str | None] = {}
        for name in names:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = None
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = 1024 * next(int(x.split()[1]) for x in lines if x.startswith("MemAvailable"))
        control_group = Path("/sys/fs/cgroup")
        try:
            limit = int((control_group / "memory.max").read_text())
            free = min(free, limit - int((control_group / "memory.current").read_text()))
        except (OSError, ValueError):  # no control group, or none that limits
            pass
        yield os.uname().nodename, found, free

    told = spark.parallelize(range(slots), slots).barrier().mapPartitions(describe).collect()
    on_host = Counter(host for host, _, _ in told)
    for host, found, free in told:
        for name, theirs in found.items():
            ours = _version(name)
            if theirs != ours:
                raise ConfigurationError(
                    f"the executor on {host} has {name} {theirs or 'not installed'}, expected "
                    f"{ours} as on the driver; install the same wheel and libraries on the cluster"
                )
        needed = on_host[host] * slot_memory
        if free < needed:
            raise ConfigurationError(
                f"{host} has {free / _GB:.1f} GB of memory free for {on_host[host]} slots, "
                f"expected {needed / _GB:.1f}; set fewer slots in the globals, or take larger "
                "machines"
            )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
