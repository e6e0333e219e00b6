"""What a failed command prints: one line, chosen by the cause; the traceback goes to a log file."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

import click
from kedro.config import MissingConfigException
from kedro.io import DatasetError
from kedro.utils import find_kedro_project
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from crosscloud_mnist.errors import ConfigurationError, CrosscloudError
from crosscloud_mnist.redaction import redact, select_secrets

_MAX_MESSAGE_CHARACTERS = 600
_MAX_LOG_BYTES = 1_000_000
_STORAGE_KEY = "crosscloud_mnist.storage"
_CONFIGURATION = (ConfigurationError, OmegaConfBaseException, MissingConfigException, YAMLError)


@contextmanager
def one_line_failures(*, verbose: bool = False) -> Iterator[None]:
    """End a command with one line where it fails; outside a command the error passes unchanged.

    Args:
        verbose: Whether to print the traceback, too.

    Raises:
        click.ClickException: In place of any other exception.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if click.get_current_context(silent=True) is None:
            raise
        if verbose:
            lines = "".join(traceback.format_exception(error))
            click.echo(redact(lines, select_secrets(os.environ)), err=True)
        message = describe(error)
        if not isinstance(_cause(error), _CONFIGURATION):
            message = f"{message} (traceback: {_log(error)})"
        raise click.ClickException(message) from error


def describe(error: BaseException) -> str:
    """Return what to tell a user of an error: one line."""
    cause = _cause(error)
    text = " ".join(redact(str(cause), select_secrets(os.environ)).split())
    if isinstance(cause, CrosscloudError):
        return text
    text = text[:_MAX_MESSAGE_CHARACTERS]
    if isinstance(cause, YAMLError):
        text = _find_broken_file() or text
    if isinstance(cause, _CONFIGURATION):
        return f"the configuration cannot be read: {text}; check the files in conf, and --params"
    if isinstance(cause, _mlflow_error()):
        return (
            f"MLflow failed: {text}; check the tracking address, the credentials and the "
            "experiment's name"
        )
    return text if isinstance(cause, DatasetError) else f"{type(cause).__name__}: {text}"


def _cause(error: BaseException) -> BaseException:
    """Return the chain's first error of this package, of conf or of MLflow, or else the last."""
    chain = list(_chain(error))
    for kinds in ((CrosscloudError,), _CONFIGURATION, _mlflow_error()):
        for each in chain:
            if isinstance(each, kinds):
                return each
    return error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _mlflow_error() -> tuple[type[Exception], ...]:
    """Return MLflow's base error where MLflow is loaded: the import takes seconds."""
    mlflow = sys.modules.get("mlflow.exceptions")
    return (mlflow.MlflowException,) if mlflow else ()


def _find_broken_file() -> str | None:
    """Return where YAML is not valid: OmegaConf's message lacks the file, Kedro's the reason."""
    for path in sorted((_project() / "conf").glob("*/**/*.yml")):
        try:
            OmegaConf.load(path)
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            return f"{_shorten(path)}, line {line}: {error.problem}"
    return None


def set_storage(storage: str) -> None:
    """Set where the log files of this command go if it does not run in a project."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[_STORAGE_KEY] = storage


def _log(error: BaseException) -> Path:
    """Write the traceback to a log file, which this user alone can read; return its path.

    In a project it is appended to ``logs/errors.log``. Without one, as in a job, it is a new file
    on the storage, which outlives the cluster; volumes take no append.
    """
    failure = (type(error), error, error.__traceback__)
    record = logging.LogRecord(
        __name__, logging.ERROR, __file__, 0, "command failed", None, failure
    )
    project = find_kedro_project(Path.cwd())
    if project and os.access(project, os.W_OK):
        path = project / "logs" / "errors.log"
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        handler = RotatingFileHandler(
            path, maxBytes=_MAX_LOG_BYTES, backupCount=1, encoding="utf-8"
        )
        handler.setFormatter(_FORMATTER)
        handler.handle(record)
        handler.close()
        return _shorten(path)
    text = f"{_FORMATTER.format(record)}\n"
    name = f"errors-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    try:
        return _write_private(_storage() / "logs" / name, text)
    except OSError:  # the storage may be what failed
        return _write_private(Path(tempfile.mkdtemp(prefix="crosscloud-mnist-")) / name, text)


def _storage() -> Path:
    context = click.get_current_context()  # one_line_failures has checked that there is one
    return Path(context.meta.get(_STORAGE_KEY) or tempfile.mkdtemp(prefix="crosscloud-mnist-"))


def _write_private(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
        file.write(text)
    return path


class _RedactingFormatter(logging.Formatter):
    """Formats a record, its traceback included, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record), select_secrets(os.environ))


_FORMATTER = _RedactingFormatter("%(asctime)s %(message)s")


def _project() -> Path:
    return find_kedro_project(Path.cwd()) or Path.cwd()


def _shorten(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
