"""Checks every slot before training: its libraries, compared with the driver, and its memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from crosscloud_mnist.adapters.spark.libraries import PACKAGE, check_none_missing, find_version
from crosscloud_mnist.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark import SparkContext

_SAME_VERSION = (PACKAGE, "tensorflow", "keras", "numpy", "spark-tensorflow-distributor")
_ANY_VERSION = ("archspec", "psutil")  # for the precision auto, and for this check
_GB = 10**9


class SlotReport(TypedDict):
    """What a slot has.

    Attributes:
        host: Name of its machine.
        versions: Version of each library, or ``None`` where it is not installed.
        cores: Processor cores of the machine.
        free_bytes: Memory that is free on the machine, or up to the control group's limit;
            ``None`` where psutil is not installed.
    """

    host: str
    versions: dict[str, str | None]
    cores: int
    free_bytes: int | None


def check_slots(spark: SparkContext, slots: int, slot_memory_bytes: int) -> int:
    """Compare as many barrier tasks as there will be slots with the driver.

    Args:
        spark: The cluster's context.
        slots: How many tasks train at once.
        slot_memory_bytes: Memory that each takes outside the executor's heap.

    Returns:
        How many processor cores each slot may use: those of a machine are shared by its slots.

    Raises:
        ConfigurationError: A slot lacks a library or has another version of it than the driver, or
            a machine has too little memory for its slots.
    """
    driver = {name: find_version(name) for name in _SAME_VERSION}
    reports = _collect_reports(spark, slots, (*_SAME_VERSION, *_ANY_VERSION))
    for report in reports:
        check_none_missing(f"the executor on {report['host']}", report["versions"])
        _check_versions(report, driver)
    slots_on_host = Counter(report["host"] for report in reports)
    _check_memory(reports, slots_on_host, slot_memory_bytes)
    return max(1, min(report["cores"] // slots_on_host[report["host"]] for report in reports))


def _collect_reports(spark: SparkContext, slots: int, libraries: Sequence[str]) -> list[SlotReport]:
    # Nested, so that it is pickled by value: executors may lack this package.
    def describe(_: Iterable[int]) -> Iterator[SlotReport]:
        import os
        import platform
        from importlib.metadata import distributions
        from pathlib import Path

        versions: dict[str, str | None] = {}
        for name in libraries:  # as find_version does
            found = sorted(
                distributions(name=name), key=lambda each: each.read_text("RECORD") is None
            )
            versions[name] = found[0].version if found else None
        try:
            import psutil

            free_bytes = psutil.virtual_memory().available
        except ImportError:
            free_bytes = None
        control_group = Path("/sys/fs/cgroup")
        try:
            limit = int((control_group / "memory.max").read_text())
            used = int((control_group / "memory.current").read_text())
        except (OSError, ValueError):  # no control group, or one without a limit
            pass
        else:
            free_bytes = free_bytes and min(free_bytes, limit - used)
        yield {
            "host": platform.node(),
            "versions": versions,
            "cores": os.cpu_count() or 1,
            "free_bytes": free_bytes,
        }

    tasks = spark.parallelize(range(slots), slots).barrier().mapPartitions(describe)
    reports: list[SlotReport] = tasks.collect()
    return reports


def _check_versions(report: SlotReport, driver: dict[str, str | None]) -> None:
    different = [
        f"{name} {report['versions'][name]} (driver: {expected})"
        for name, expected in driver.items()
        if report["versions"][name] != expected
    ]
    if different:
        raise ConfigurationError(
            f"the executor on {report['host']} has {', '.join(different)}, expected the driver's "
            "versions; install the same wheel and libraries on the cluster"
        )


def _check_memory(
    reports: Sequence[SlotReport], slots_on_host: Mapping[str, int], slot_memory_bytes: int
) -> None:
    for report in reports:
        host, free_bytes = report["host"], report["free_bytes"] or 0
        needed_bytes = slots_on_host[host] * slot_memory_bytes
        if free_bytes < needed_bytes:
            raise ConfigurationError(
                f"{host} has {free_bytes / _GB:.1f} GB of memory free for {slots_on_host[host]} "
                f"slots, expected {needed_bytes / _GB:.1f} GB; set fewer slots in the globals, or "
                "use larger machines"
            )
