"""A session that cannot train is named by its access mode."""

from __future__ import annotations

import pytest
from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from crosscloud_mnist.adapters.spark.existing_session import (
    find_existing_session,
    name_access_mode,
)
from crosscloud_mnist.errors import ConfigurationError

REFUSED = (
    "An error occurred while calling o241.maxNumConcurrentTasks. Trace:\n"
    "py4j.security.Py4JSecurityException: Method public int "
    "org.apache.spark.SparkContext.maxNumConcurrentTasks() is not whitelisted on class class "
    "org.apache.spark.SparkContext"
)


def test_a_cluster_that_refuses_methods_is_named_by_its_access_mode():
    with (
        pytest.raises(
            ConfigurationError, match=r"\(Standard access mode, or .* use a cluster with"
        ),
        name_access_mode(),
    ):
        raise Py4JError(REFUSED)


def test_any_other_error_of_the_jvm_passes():
    with pytest.raises(Py4JError, match="closed"), name_access_mode():
        raise Py4JError("the connection is closed")


@pytest.mark.parametrize("variable", ["SPARK_CONNECT_MODE_ENABLED", "SPARK_REMOTE"])
def test_spark_connect_is_named_before_a_session_is_made(monkeypatch, variable):
    monkeypatch.setenv(variable, "sc://127.0.0.1")
    with pytest.raises(ConfigurationError, match="Spark Connect .* Dedicated access mode"):
        find_existing_session()


def test_an_active_session_of_spark_connect_is_named(monkeypatch):
    session = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})()
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: session)
    with pytest.raises(ConfigurationError, match="serverless, Standard access mode"):
        find_existing_session()
