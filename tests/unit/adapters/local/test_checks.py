"""``doctor`` on this machine: the variables that conf requires, and the key pair."""

from __future__ import annotations

import pytest

from crosscloud_mnist.adapters.local.checks import EnvironmentChecks
from crosscloud_mnist.bundle.keys import create_key_pair


@pytest.fixture
def keys(tmp_path):
    """The paths of a key pair."""
    private, public = tmp_path / "signing.pem", tmp_path / "signing.pub"
    create_key_pair(private, public)
    return {"private_key": str(private), "public_key": str(public)}


def check(required_env=(), *, generate=False, **keys):
    checker = EnvironmentChecks(required_env=required_env, generate_signing_key=generate, **keys)
    return {check.name: check for check in checker.check([])}


def statuses(*arguments, **options):
    found = check(*arguments, **options)
    return {name: each.status for name, each in found.items() if name != "Python"}


def test_a_pair_of_keys_passes(keys):
    assert statuses(**keys) == {"verifying key": "passed", "signing key": "passed"}


def test_each_missing_variable_is_a_row_with_its_alternatives(keys, monkeypatch):
    monkeypatch.setenv("DATABRICKS_HOST", "https://a")
    monkeypatch.setenv("DATABRICKS_TOKEN", "")
    required = [["DATABRICKS_HOST"], ["DATABRICKS_TOKEN", "DATABRICKS_CLIENT_SECRET"]]
    found = check(required, **keys)
    assert found["DATABRICKS_HOST"].status == "passed"
    failed = found["DATABRICKS_TOKEN or DATABRICKS_CLIENT_SECRET"]
    assert failed.status == "failed"
    assert "globals.yml" in failed.remedy


def test_the_key_of_another_pair_fails_one_row(keys, tmp_path):
    create_key_pair(tmp_path / "other" / "signing.pem", tmp_path / "other" / "signing.pub")
    other = {**keys, "public_key": str(tmp_path / "other" / "signing.pub")}
    assert statuses(**other) == {"verifying key": "passed", "signing key": "failed"}


def test_a_verifying_key_that_is_none_fails_one_row(keys):
    damaged = {**keys, "public_key": "-----BEGIN PUBLIC KEY-----"}
    assert statuses(**damaged) == {"verifying key": "failed", "signing key": "waiting"}


def test_a_verifying_key_that_is_not_set_fails_the_variable_s_row_alone(monkeypatch):
    monkeypatch.setenv("MNIST_VERIFYING_KEY", "")
    assert statuses([["MNIST_VERIFYING_KEY"]], public_key="") == {
        "MNIST_VERIFYING_KEY": "failed",
        "verifying key": "waiting",
        "signing key": "waiting",
    }


def test_a_workspace_that_does_not_train_needs_no_signing_key(keys):
    assert statuses(**{**keys, "private_key": None}) == {
        "verifying key": "passed",
        "signing key": "information",
    }


def test_keys_that_training_creates_need_not_exist(tmp_path):
    absent = {"private_key": str(tmp_path / "a.pem"), "public_key": str(tmp_path / "a.pub")}
    assert set(statuses(generate=True, **absent).values()) == {"passed"}
    assert not list(tmp_path.iterdir())
