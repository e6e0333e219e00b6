"""The sections of conf, as Kedro merges and resolves them."""

from __future__ import annotations

from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader

from crosscloud_mnist.errors import ConfigurationError


def load_section(loader: OmegaConfigLoader, section: str) -> dict[str, Any]:
    """Return a section (``catalog``, ``parameters``, …), empty if there are no files of it.

    Raises:
        ConfigurationError: Two files of one environment set the same key.
    """
    if section not in loader.config_patterns:  # kedro-mlflow registers its own later
        loader.config_patterns[section] = [f"{section}*", f"{section}*/**", f"**/{section}*"]
    try:
        return loader[section]
    except MissingConfigException:
        return {}
    except ValueError as error:
        raise ConfigurationError(f"{error}; expected each key in one file") from error
