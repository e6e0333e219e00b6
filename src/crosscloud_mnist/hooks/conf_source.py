"""The configuration that ``--conf-source`` names: a folder, or the archive of ``kedro package``."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from kedro.framework.project import configure_logging

from crosscloud_mnist.errors import ConfigurationError

_ARCHIVES = (".tar.gz", ".tgz", ".tar")


@contextmanager
def open_conf_source(conf_source: str | None) -> Iterator[str | None]:
    """Yield the folder of the configuration, and log as it says.

    Kedro reads an archive by itself, but then its files cannot be listed, which the checks of
    parameters need: so it is unpacked for the time of the run.

    Args:
        conf_source: The folder or the archive; ``None`` is the project's own.

    Raises:
        ConfigurationError: The archive cannot be read, or holds no configuration.
    """
    if conf_source is None or not conf_source.endswith(_ARCHIVES):
        _apply_logging(conf_source)
        yield conf_source
        return
    with tempfile.TemporaryDirectory(prefix="crosscloud-mnist-conf-") as folder:
        unpacked = str(_unpack(Path(conf_source), Path(folder)))
        _apply_logging(unpacked)
        yield unpacked


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack the archive; return the folder in it that holds the environments."""
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise ConfigurationError(
            f"{archive} cannot be read ({error}), expected an archive that kedro package made; "
            "check --conf-source"
        ) from error
    for candidate in (folder, *sorted(folder.iterdir())):
        if (candidate / "base").is_dir():
            return candidate
    raise ConfigurationError(
        f"{archive} has no folder base, expected an archive that kedro package made; check "
        "--conf-source"
    )


def _apply_logging(conf_source: str | None) -> None:
    """Log as ``logging.yml`` says: Kedro reads it from a project's folder ``conf`` alone."""
    if conf_source is None or "KEDRO_LOGGING_CONFIG" in os.environ:
        return
    path = Path(conf_source) / "logging.yml"
    if path.is_file():
        configure_logging(yaml.safe_load(path.read_text(encoding="utf-8")))
