"""What is checked before a run: each check takes seconds, and fails with one line."""

from __future__ import annotations

import glob
import os
from collections.abc import Generator
from pathlib import Path
from typing import cast
from urllib.request import getproxies

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.utils import load_obj

from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.hooks.configuration import environment_of, load_section
from crosscloud_mnist.hooks.failures import one_line_failures
from crosscloud_mnist.hooks.names import check_name
from crosscloud_mnist.hooks.parameters import check_parameters
from crosscloud_mnist.reachability import check_reachable, no_proxy_for_loopback
from crosscloud_mnist.storage.sqlite_store import ensure_sqlite_store


class PreflightHooks:
    """Runs the checks before kedro-mlflow acts.

    kedro-mlflow connects to the tracking server when the context is created, and starts its MLflow
    run before the pipeline runs: so the first hook is a wrapper, which runs around the hooks of all
    plugins, and the second one runs first.
    """

    @hook_impl(wrapper=True)
    def after_context_created(self, context: KedroContext) -> Generator[None, None, None]:
        """Check the configuration, and give what kedro-mlflow raises as one line.

        Raises:
            ConfigurationError: The environment does not exist or lacks a variable, a parameter is
                unknown or invalid, or a value refers to something that does not exist.
            RegistryError: The tracking server does not answer, or rejects the identity.
            click.ClickException: In place of them, and of any other error, where a command runs.
        """
        loader = cast("OmegaConfigLoader", context.config_loader)  # as settings.py chose it
        with one_line_failures():
            check_environment(loader)
            check_variables(loader)
            check_parameters(loader, pipelines)
            check_references(loader)
            exclude_loopback_from_proxies()
            check_tracking_server(loader)
            check_sign_in(loader)
            return (yield)

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Check what only the last nodes need: the key that signs a bundle, the images to send.

        Raises:
            ConfigurationError: There is no signing key, or it is not valid, or the folder of images
                that the user named holds no file.
        """
        from crosscloud_mnist.datasets.bundle import BundleDataset
        from crosscloud_mnist.datasets.images import ImageFolderDataset

        checked = [
            *((name, BundleDataset) for name in pipeline.all_outputs()),
            *((name, ImageFolderDataset) for name in pipeline.inputs()),
        ]
        for name, kind in checked:
            dataset = catalog.get(name)
            if isinstance(dataset, kind):
                dataset.check()


def check_environment(loader: OmegaConfigLoader) -> None:
    """Check that conf has the environment's folder.

    Raises:
        ConfigurationError: It has none.
    """
    if "://" in str(loader.conf_source):  # not on this machine
        return
    source = Path(loader.conf_source)
    if glob.has_magic(str(source)):
        raise ConfigurationError(
            f"{source} has a *, ? or [ in its name, which Kedro reads as a pattern and so finds no "
            "file there, expected a path without them; rename the folder"
        )
    if not source.exists():
        raise ConfigurationError(
            f"{source} does not exist, expected the conf folder of the project; name it with "
            "--conf-source"
        )
    if not source.is_dir():  # an archive
        return
    environment = environment_of(loader)
    if loader.env:
        folders = [path.name for path in source.iterdir() if path.is_dir()]
        check_name(environment, folders, "environment")
    elif not (source / environment).is_dir():
        raise ConfigurationError(
            f"{source / environment} does not exist, expected a folder, which may be empty; create "
            "it, or name an environment with --env"
        )


def check_variables(loader: OmegaConfigLoader) -> None:
    """Check that the environment variables that the globals name are set.

    Raises:
        ConfigurationError: One is not, nor an alternative to it.
    """
    missing = [
        " or ".join(alternatives)
        for alternatives in loader["globals"].get("required_env", [])
        if not any(os.environ.get(name) for name in alternatives)
    ]
    if missing:
        environment = environment_of(loader)
        raise ConfigurationError(
            f"{', '.join(missing)} not set, expected by --env {environment}; "
            f"conf/{environment}/globals.yml says what each is"
        )


def check_references(loader: OmegaConfigLoader) -> None:
    """Check that every value that refers to another can be resolved.

    Raises:
        ConfigurationError: Two files set the same key.
        OmegaConfBaseException: A value refers to something that does not exist.
    """
    for section in ("credentials", "mlflow", "catalog"):
        load_section(loader, section)


def exclude_loopback_from_proxies() -> None:
    """Let no request of this process to this machine go through a proxy, MLflow's included."""
    if getproxies():
        os.environ.update(no_proxy_for_loopback(os.environ))


def check_tracking_server(loader: OmegaConfigLoader) -> None:
    """Check that something listens at the tracking address: MLflow would retry for minutes.

    A store in SQLite is created if it does not exist, before kedro-mlflow opens it.

    Raises:
        ConfigurationError: The SQLite database cannot be used.
        RegistryError: Nothing listens.
    """
    settings = loader["globals"]
    uri = settings["tracking_uri"]
    ensure_sqlite_store(uri, settings.get("experiment"), settings.get("experiment_artifacts"))
    if uri.startswith("databricks"):
        uri = os.environ.get("DATABRICKS_HOST", "")
    elif "://" not in uri:  # a folder
        return
    if uri:
        check_reachable(uri, "the tracking server", RegistryError)


def check_sign_in(loader: OmegaConfigLoader) -> None:
    """Check that the tracking workspace can be signed in to: MLflow would report it in many lines.

    Raises:
        ConfigurationError: There is no way to sign in.
        RegistryError: The workspace rejects the identity.
    """
    settings = loader["globals"]
    if not settings["tracking_uri"].startswith("databricks"):
        return
    group = load_section(loader, "mlflow")["server"]["credentials"]
    credentials = load_section(loader, "credentials")[group]
    adapter = load_obj(settings["registry"])
    requests = adapter.process_config({"uri": settings["tracking_uri"]}, credentials).requests
    if requests and requests.sign_in:
        requests.sign_in.authorize(renew=False)
