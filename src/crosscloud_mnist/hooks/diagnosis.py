"""The hooks of ``doctor``, which runs where the checks before any other pipeline would stop."""

from __future__ import annotations

import os
from typing import cast

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines, settings

from crosscloud_mnist.hooks.configuration import load_section
from crosscloud_mnist.hooks.failures import set_storage
from crosscloud_mnist.hooks.parameters import check_parameters
from crosscloud_mnist.hooks.preflight import (
    PreflightHooks,
    check_environment,
    check_references,
    exclude_loopback_from_proxies,
)
from crosscloud_mnist.hooks.storage_lock import StorageLockHooks
from crosscloud_mnist.hooks.tracking_plugin import disable_tracking_plugin

PIPELINE = "doctor"


class DiagnosisHooks:
    """Checks before ``doctor`` only that the configuration can be read."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check the configuration's files and the parameters; a missing variable is empty.

        Raises:
            ConfigurationError: The environment does not exist, or a parameter is unknown or
                invalid, or two files set the same key.
        """
        loader = cast("OmegaConfigLoader", context.config_loader)  # as settings.py chose it
        check_environment(loader)
        set_missing_variables(loader)
        check_parameters(loader, pipelines)
        check_references(loader)
        set_checked_data(loader)
        set_storage(loader["globals"]["storage"])
        exclude_loopback_from_proxies()


def replace_preflight() -> None:
    """Let the next session check only that the configuration can be read.

    It takes no lock on the storage and starts no MLflow run.
    """
    replaced = (PreflightHooks, StorageLockHooks)
    kept = [hook for hook in settings.HOOKS if not isinstance(hook, replaced)]
    settings.set("HOOKS", (DiagnosisHooks(), *kept))
    disable_tracking_plugin()


def set_checked_data(loader: OmegaConfigLoader) -> None:
    """Let the checker of the data have the catalog's entry ``mnist`` as the environment sets it.

    A reference in the base catalog is resolved before an environment replaces what it refers to.
    """
    catalog = load_section(loader, "catalog")
    options = catalog["checkers"]["checkers"]["data"]["options"]
    options["dataset"] = catalog["mnist"]
    loader["catalog"] = catalog


def set_missing_variables(loader: OmegaConfigLoader) -> None:
    """Set the variables that the globals require and that are not set to the empty text."""
    for alternatives in loader["globals"].get("required_env", []):
        for name in alternatives:
            os.environ.setdefault(name, "")
