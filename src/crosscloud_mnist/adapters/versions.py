"""Driver and executors must train with the same libraries: what differs is refused by name."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark import SparkContext

_LIBRARIES = ("crosscloud-mnist", "tensorflow", "keras", "numpy", "spark-tensorflow-distributor")


def check_versions(spark: SparkContext, slots: int) -> None:
    """Compare the versions that every executor has with the driver's.

    Raises:
        ConfigurationError: An executor lacks a library, or has another version of it.
    """
    names = _LIBRARIES

    # Nested, so that it is pickled by value: executors may lack this package.
    def installed(_: int) -> tuple[str, dict[str, str | None]]:
        import os
        from importlib.metadata import PackageNotFoundError, version

        found: dict[str, str | None] = {}
        for name in names:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = None
        return os.uname().nodename, found

    for host, found in spark.parallelize(range(slots), slots).map(installed).collect():
        for name, theirs in found.items():
            ours = _version(name)
            if theirs != ours:
                raise ConfigurationError(
                    f"the executor on {host} has {name} {theirs or 'not installed'}, expected "
                    f"{ours} as on the driver; install the same wheel and libraries on the cluster"
                )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
