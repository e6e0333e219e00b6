"""Runs a function of an installed wheel as a Databricks ``python_wheel_task`` does.

    python -P wheel_task.py [options of the session] PACKAGE ENTRY_POINT [PARAMETER ...]

The entry point is looked up in the metadata of the installed distribution, and called with the
parameters in ``sys.argv``; any ``SystemExit`` fails the task, also one with status 0. The Spark
session exists before the task starts. Nothing of this project is imported but the wheel.

https://docs.databricks.com/aws/en/jobs/python-wheel
https://github.com/kedro-org/kedro/pull/3191
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib.metadata import PackageNotFoundError, distribution


def main() -> int:
    """Run the task; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spark", default="{}", help="settings of the existing session, as JSON")
    parser.add_argument("--tables", default="{}", help="Parquet folders by table, as JSON")
    parser.add_argument("--log", help="where the session's JVM writes")
    parser.add_argument("package")
    parser.add_argument("entry_point")
    parser.add_argument("parameters", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    settings = json.loads(arguments.spark)
    if settings:
        create_session(settings, arguments.log)
        create_tables(json.loads(arguments.tables))
    return run_task(arguments.package, arguments.entry_point, arguments.parameters)


def create_session(settings: dict[str, str], log: str) -> None:
    """Create the session that a cluster has before its first task; its JVM writes to the log."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    stderr = os.dup(2)
    with open(log, "ab") as output:  # noqa: PTH123  a script imports little
        os.dup2(output.fileno(), 2)
    try:
        builder.getOrCreate()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def create_tables(folders: dict[str, str]) -> None:
    """Create Unity Catalog's tables ``catalog.schema.name``: Spark alone has no such catalog.

    Derby, which comes with Spark, keeps them in the driver's memory; it has no arrays.
    """
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    # Otherwise Derby writes its log into the working directory.
    spark._jvm.java.lang.System.setProperty("derby.stream.error.file", os.devnull)
    for table, folder in folders.items():
        catalog, schema, _ = table.split(".")
        jdbc = f"spark.sql.catalog.{catalog}"
        spark.conf.set(jdbc, "org.apache.spark.sql.execution.datasources.v2.jdbc.JDBCTableCatalog")
        spark.conf.set(f"{jdbc}.url", f"jdbc:derby:memory:{catalog};create=true")
        spark.conf.set(f"{jdbc}.driver", "org.apache.derby.jdbc.EmbeddedDriver")
        spark.conf.set(f"{jdbc}.pushDownLimit", "false")  # Derby has no LIMIT: all rows would come
        spark.sql(f"CREATE NAMESPACE {catalog}.{schema}")
        rows = spark.read.parquet(folder)
        kept = [name for name, kind in rows.dtypes if not kind.startswith("array")]
        rows.select(*kept).writeTo(table).create()


def run_task(package: str, entry_point: str, parameters: list[str]) -> int:
    """Load and call the entry point; return 0 where it returns."""
    try:
        installed = distribution(package)
    except PackageNotFoundError:
        print(f"there is no installed distribution {package}", file=sys.stderr)
        return 1
    found = [each for each in installed.entry_points if each.name == entry_point]
    if not found:
        print(f"{package} has no entry point {entry_point}", file=sys.stderr)
        return 1
    sys.argv = [package, *parameters]
    try:
        found[0].load()()
    except SystemExit as error:
        print(f"task failed with SystemExit: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
