"""Kedro hooks: what is checked before a run, what a failed one says, what a good one prints."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import click
from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline
from omegaconf.errors import OmegaConfBaseException

from crosscloud_mnist.datasets.bundle import BundleDataset
from crosscloud_mnist.errors import CrosscloudError
from crosscloud_mnist.listening import check_listening


class Preflight:
    """Says in one line, and in seconds, why a run cannot work or did not."""

    @hook_impl(wrapper=True)
    def after_context_created(self, context: KedroContext) -> Generator[None, None, None]:
        """Check the environment's settings before any plugin acts on them.

        Raises:
            click.ClickException: An environment variable that the environment requires is not
                set, a value refers to one that does not exist, or the tracking server does not
                answer, or answers no.
        """
        environment = context.env or "base"
        loader = cast("OmegaConfigLoader", context.config_loader)  # as settings.py chose it
        try:
            settings = loader["globals"]
            missing = [
                names
                for names in settings["requires"]
                if not any(os.environ.get(name) for name in names.split(" or "))
            ]
            if missing:
                raise click.ClickException(
                    f"{', '.join(missing)} not set, expected by --env {environment}; "
                    f"conf/{environment}/globals.yml says what each is"
                )
            # MLflow would retry for minutes before it said the same.
            if address := _tracking_address(settings["tracking_uri"]):
                check_listening(address, "the tracking server", click.ClickException)
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


class Results:
    """Prints what a person wants of a run: the model, the version, the address, the answers."""

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Print the datum when it is one of these, after it is safe on storage."""
        if dataset_name in _PRINTED:
            for line in _PRINTED[dataset_name](data):
                click.echo(line)


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


def _training_proofs(proofs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for proof in proofs:
        yield (
            f"Rank {proof['rank']}: shards {', '.join(map(str, proof['shards']))}, "
            f"{proof['images']:,} pictures, weights {proof['weights_sha256'][:12]}"
        )


def _model_uri(uri: str) -> Iterator[str]:
    yield f"Logged model: {uri}"


def _registered_model(model: Mapping[str, Any]) -> Iterator[str]:
    known = "" if model["created"] else " (the bundle was registered there already)"
    yield (
        f"Registered version: {model['name']} {model['version']} in {model['workspace']}, "
        f"alias {model['alias']}{known}"
    )


def _rolled_back(done: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Rolled back: {done['name']} {done['before']} to {done['version']} in "
        f"{done['workspace']}, because {done['reason']}"
    )


def _ledger(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        done = "" if entry["done"] else " (interrupted)"
        yield (
            f"{entry['at']}  {entry['actor']}  {entry['action']} {entry['version']} "
            f"(before: {entry['before'] or 'none'}){done}: {entry['reason']}"
        )


def _deployment(deployment: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Endpoint: {deployment['endpoint']} serves {deployment['name']} "
        f"{deployment['model_version']}"
    )


def _smoke_test(report: Mapping[str, Any]) -> Iterator[str]:
    rows = report["golden"] + report["pictures"]
    width = max((len(row["file"]) for row in rows), default=0)
    yield f"{'picture':{width}}  expected  answer  probability"
    for row in rows:
        expected = "-" if row["expected"] is None else row["expected"]
        if row["error"]:
            yield f"{row['file']:{width}}  {expected:>8}  {row['error']}"
            continue
        verdict = "" if row["expected"] in (None, row["predicted"]) else "  WRONG"
        yield (
            f"{row['file']:{width}}  {expected:>8}  {row['predicted']:>6}  "
            f"{row['probability']:>11.4f}{verdict}"
        )
    for row in report["endpoints"]:
        state = f"version {row['model_version']}" if row["healthy"] else "DOWN"
        yield f"{row['cloud']}: {state}"
    yield f"Smoke test of {report['endpoint']}: {'passed' if report['passed'] else 'FAILED'}"


def _batch(report: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Scored {report['pictures']:,} pictures ({report['errors']:,} that cannot be read) with "
        f"{report['model_name']} {report['model_version']}; all answers: {report['scores']}"
    )


def _monitor(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'statistic':14}  {'PSI':>7}  {'limit':>5}"
    for row in report["inputs"] + report["predictions"]:
        verdict = "  DRIFTED" if row["drifted"] else ""
        yield f"{row['statistic']:14}  {row['psi']:7.3f}  {row['limit']:5.2f}{verdict}"
    verdict = "no drift" if report["passed"] else "DRIFT"
    yield f"Monitor of {report['log']['pictures']:,} pictures: {verdict}"


_PRINTED: dict[str, Callable[[Any], Iterator[str]]] = {
    "training_proofs": _training_proofs,
    "model_uri": _model_uri,
    "registered_model": _registered_model,
    "rolled_back": _rolled_back,
    "ledger": _ledger,
    "deployment": _deployment,
    "smoke_test_report": _smoke_test,
    "batch_report": _batch,
    "monitor_report": _monitor,
}
