"""A failed command prints one line by the cause; the traceback goes to a log file."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from kedro.io import DatasetError
from mlflow.exceptions import MlflowException
from omegaconf.errors import InterpolationKeyError

from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.hooks.failures import one_line_failures, set_storage


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "conf" / "base").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.kedro]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fail(error: Exception, *, verbose: bool = False) -> Result:
    @click.command()
    def command() -> None:
        with one_line_failures(verbose=verbose):
            raise error

    return CliRunner().invoke(command)


def test_an_error_of_this_package_is_its_message_and_names_the_log(project):
    error = ValueError("wrapped")
    error.__cause__ = RegistryError("the workspace\nrejected the request")
    result = fail(error)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: the workspace rejected the request (traceback: logs/errors.log)\n"
    )
    log = project / "logs" / "errors.log"
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_any_other_error_is_one_line_with_its_type(project):
    result = fail(OSError("disk\nfull"))
    assert result.stderr == "Error: OSError: disk full (traceback: logs/errors.log)\n"


def test_what_a_dataset_says_needs_no_type(project):
    result = fail(DatasetError("Failed while\nloading data"))
    assert result.stderr == "Error: Failed while loading data (traceback: logs/errors.log)\n"


def test_what_mlflow_rejects_says_what_to_check(project):
    result = fail(MlflowException("no\nentry"))
    assert result.stderr.startswith("Error: MLflow failed: no entry; check the tracking address")


@pytest.mark.parametrize("error", [ConfigurationError("no"), InterpolationKeyError("no key")])
def test_what_the_user_configured_needs_no_traceback(project, error):
    result = fail(error)
    assert "no" in result.stderr
    assert "traceback" not in result.stderr
    assert not (project / "logs").exists()


def test_a_file_that_is_not_yaml_is_named_with_the_line(project):
    from yaml import YAMLError

    (project / "conf" / "base" / "globals.yml").write_text("a: 1\nb: 2\na: 3\n")
    result = fail(YAMLError("found duplicate key"))
    assert "conf/base/globals.yml, line 3: found duplicate key a;" in result.stderr


def test_the_traceback_is_printed_where_that_is_wanted(project):
    assert "Traceback" in fail(OSError("disk full"), verbose=True).stderr


def test_outside_a_command_the_error_is_unchanged(project):
    with pytest.raises(OSError, match="disk full"), one_line_failures():
        raise OSError("disk full")


def test_no_password_is_in_the_line_or_in_the_log(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "p/ssword")
    result = fail(OSError("http://ada:other@host rejected p%2Fssword"))
    assert "http://***@host rejected ***" in result.stderr
    log = (project / "logs" / "errors.log").read_text()
    assert "http://***@host rejected ***" in log
    assert "other" not in log


def fail_without_project(storage: Path) -> Result:
    @click.command()
    def command() -> None:
        set_storage(str(storage))
        with one_line_failures():
            raise OSError("disk full")

    return CliRunner().invoke(command)


def test_without_a_project_every_log_is_a_new_file_on_the_storage(tmp_path, monkeypatch):
    folder = tmp_path / "working directory"
    folder.mkdir()
    monkeypatch.chdir(folder)
    result = fail_without_project(tmp_path / "storage")
    (log,) = (tmp_path / "storage" / "logs").iterdir()
    assert f"(traceback: {log})" in result.stderr
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    assert list(folder.iterdir()) == []


def test_without_a_project_and_storage_the_log_is_a_temporary_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "storage").touch()  # no folder
    result = fail_without_project(tmp_path / "storage")
    log = Path(result.stderr.partition("(traceback: ")[2].rstrip(")\n"))
    assert "Traceback" in log.read_text()
    shutil.rmtree(log.parent)
