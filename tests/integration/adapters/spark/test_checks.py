"""``doctor`` on a real session: each setting that is not as expected fails one row."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from crosscloud_mnist.adapters.spark import preflight
from crosscloud_mnist.adapters.spark.checks import SparkChecks
from crosscloud_mnist.adapters.spark.session_settings import (
    build_loopback_settings,
    build_training_settings,
)
from crosscloud_mnist.ports import Check

pytestmark = pytest.mark.spark

TRAINS = [Check("environment", "signing key", "passed", "a pair")]
SERVES = [Check("environment", "signing key", "information", "none")]
ACCESS_MODE = "spark.databricks.clusterUsageTags.dataSecurityMode"


@pytest.fixture(scope="module")
def spark():
    """A session that exists, as on a cluster, with two slots."""
    builder = SparkSession.builder.master("local[2]")
    for name, value in {**build_training_settings(None), **build_loopback_settings()}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def set_conf(spark, monkeypatch):
    """Return a function that lets the session report a setting."""

    def set_(name, value):
        changed = spark.sparkContext.getConf().set(name, value)
        monkeypatch.setattr(spark.sparkContext, "getConf", lambda: changed)

    return set_


def check(storage, earlier=TRAINS, *, slots=2):
    # The session exists; for a local master the slots are not waited for.
    checker = SparkChecks(master="local[2]", slots=slots, use_gpu=False, storage=str(storage))
    return {check.name: check for check in checker.check(earlier)}


def failed(checks):
    return [name for name, each in checks.items() if each.status == "failed"]


def test_a_session_that_can_train_passes(spark, tmp_path):
    checks = check(tmp_path)
    assert {each.status for each in checks.values()} == {"passed", "information"}
    assert "2 barrier tasks" in checks["libraries of the executors"].found
    assert list(tmp_path.iterdir()) == []


def test_too_few_slots_fail_one_row(spark, tmp_path):
    checks = check(tmp_path, slots=3)
    assert failed(checks) == ["slots"]
    assert checks["libraries of the executors"].status == "waiting"


def test_a_library_that_differs_on_an_executor_fails_one_row(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "find_version", lambda name: "0")
    checks = check(tmp_path)
    assert failed(checks) == ["libraries of the executors"]
    assert "(driver: 0)" in checks["libraries of the executors"].found


def test_a_setting_of_the_session_fails_one_row(set_conf, tmp_path):
    set_conf("spark.dynamicAllocation.enabled", "true")
    assert failed(check(tmp_path)) == ["settings"]


@pytest.mark.parametrize(
    ("mode", "expected"), [("USER_ISOLATION", ["access mode"]), ("SINGLE_USER", [])]
)
def test_the_access_mode_fails_one_row(set_conf, tmp_path, monkeypatch, mode, expected):
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    set_conf(ACCESS_MODE, mode)
    assert failed(check(tmp_path)) == expected


def test_an_old_runtime_fails_one_row(spark, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "15.4")
    assert failed(check(tmp_path)) == ["runtime"]


def test_what_training_alone_needs_does_not_fail_where_it_does_not_train(
    set_conf, tmp_path, monkeypatch
):
    monkeypatch.setattr(preflight, "find_version", lambda name: "0")
    set_conf("spark.dynamicAllocation.enabled", "true")
    assert failed(check(tmp_path, SERVES)) == []


def test_a_storage_that_no_executor_sees_waits_for_the_driver_s_row(spark, tmp_path):
    broken = Check("storage", "driver", "failed", "no folder")
    checks = check(tmp_path, [*TRAINS, broken])
    assert failed(checks) == []
    assert checks["storage from an executor"].status == "waiting"
