"""What is checked before a run, and what a failed one says."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import cast

import click
from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline
from omegaconf.errors import OmegaConfBaseException

from crosscloud_mnist.datasets.bundle import BundleDataset
from crosscloud_mnist.errors import CrosscloudError
from crosscloud_mnist.reachability import check_reachable


class PreflightHooks:
    """Says in one line, and in seconds, why a run cannot work or did not."""

    @hook_impl(wrapper=True)
    def after_context_created(self, context: KedroContext) -> Generator[None, None, None]:
        """Check the environment's settings before any plugin acts on them.

        Raises:
            click.ClickException: An environment variable that the environment required_env is not
                set, a value refers to one that does not exist, or the tracking server does not
                answer, or answers no.
        """
        environment = context.env or "base"
        loader = cast("OmegaConfigLoader", context.config_loader)  # as settings.py chose it
        try:
            settings = loader["globals"]
            missing = [
                names
                for names in settings["required_env"]
                if not any(os.environ.get(name) for name in names.split(" or "))
            ]
            if missing:
                raise click.ClickException(
                    f"{', '.join(missing)} not set, expected by --env {environment}; "
                    f"conf/{environment}/globals.yml says what each is"
                )
            # MLflow would retry for minutes before it said the same.
            if address := _tracking_address(settings["tracking_uri"]):
                check_reachable(address, "the tracking server", click.ClickException)
            for kind in ("parameters", "credentials", "mlflow", "catalog"):
                _resolve(loader, kind)
        except OmegaConfBaseException as error:
            reason = str(error).splitlines()[0]
            raise click.ClickException(
                f"the configuration of --env {environment} cannot be resolved: {reason}; check "
                f"the parameters given, and conf/base and conf/{environment}"
            ) from error
        with _tracking_refused():
            return (yield)

    @hook_impl(wrapper=True)
    def before_pipeline_run(
        self, pipeline: Pipeline, catalog: DataCatalog
    ) -> Generator[None, None, None]:
        """Let kedro-mlflow start its run, once it is known that the bundle can be signed.

        Raises:
            click.ClickException: There is no key to sign it with, which training would come to
                know at its end; or the tracking server answers no.
        """
        for name in pipeline.all_outputs():
            dataset = catalog.get(name)
            if isinstance(dataset, BundleDataset):
                try:
                    dataset.check()
                except CrosscloudError as error:
                    raise click.ClickException(str(error)) from error
        with _tracking_refused():
            return (yield)

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """End with the message alone where the error is one that this package raises on purpose.

        It runs last, so that kedro-mlflow has marked the run as failed by then.

        Raises:
            click.ClickException: In place of the error.
        """
        for cause in _causes(error):
            if isinstance(cause, CrosscloudError):
                raise click.ClickException(str(cause)) from error
        if isinstance(error, DatasetError):
            raise click.ClickException(" ".join(str(error).split())) from error


def _tracking_address(uri: str) -> str | None:
    if uri.startswith("databricks"):
        return os.environ.get("DATABRICKS_HOST")
    return uri if "://" in uri else None


@contextmanager
def _tracking_refused() -> Iterator[None]:
    """Say in one line what MLflow answered to kedro-mlflow."""
    try:
        yield
    except Exception as error:
        from mlflow.exceptions import MlflowException

        if not isinstance(error, MlflowException):
            raise
        reason = " ".join(str(error).split())[:300]
        raise click.ClickException(
            f"MLflow answered: {reason}; check the tracking address, the credentials and the "
            "experiment's name"
        ) from error


def _resolve(loader: OmegaConfigLoader, kind: str) -> None:
    if kind not in loader.config_patterns:  # kedro-mlflow registers its own later
        loader.config_patterns[kind] = [f"{kind}*", f"{kind}*/**", f"**/{kind}*"]
    try:
        loader[kind]
    except MissingConfigException:
        return


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
