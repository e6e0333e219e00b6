"""What a successful release must leave: one version, served by one endpoint, and nothing else."""

from __future__ import annotations

import json

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from crosscloud_mnist.bundle import digest_of
from crosscloud_mnist.client import EndpointClient
from rehearsal.project_copy import ProjectCopy

_NAME, _ALIAS = "mnist_cnn", "champion"


class ReleaseError(Exception):
    """A release, or what it left, is not as it must be."""


def check_release(project: ProjectCopy) -> None:
    """Check the state after a successful release of the last trained model.

    Raises:
        ReleaseError: There is more than one version of the bundle, it is not the one in production
            or not the one served, a promotion left something behind, or a process is left over.
    """
    digest = digest_of(project.data / "06_models" / "bundle")
    client = project.client("production")
    versions = list(client.search_model_versions(f"name = '{_NAME}'"))
    own = [version for version in versions if version.tags.get("bundle_digest") == digest]
    if len(own) != 1:
        raise ReleaseError(f"{len(own)} versions have the bundle's digest, expected one")
    champion = client.get_model_version_by_alias(_NAME, _ALIAS)
    if champion.version != own[0].version:
        raise ReleaseError(f"version {champion.version} is champion, expected {own[0].version}")
    _check_served(project, own[0].version, digest)
    _check_orphans(client, versions, digest)
    _check_processes(project)


def _check_served(project: ProjectCopy, version: str, digest: str) -> None:
    deployment = json.loads((project.data / "07_model_output" / "deployment.json").read_text())
    with EndpointClient(deployment["endpoint"]) as endpoint:
        served = endpoint.describe()
    if (served.model_version, served.digest) != (str(version), digest):
        raise ReleaseError(f"version {served.model_version} is served, expected {version}")


def _check_orphans(client: MlflowClient, versions: list[ModelVersion], digest: str) -> None:
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    own = f"tags.bundle_digest = '{digest}'"
    runs = client.search_runs(experiments, f"{own} AND attributes.status = 'RUNNING'")
    used = {version.run_id for version in versions}
    models = client.search_logged_models(experiments, filter_string=own)
    orphans = [model.model_id for model in models if model.source_run_id not in used]
    if runs or orphans:
        raise ReleaseError(f"{len(runs)} runs and {len(orphans)} logged models were left")


def _check_processes(project: ProjectCopy) -> None:
    roots = project.root_processes()
    if len(roots) != 1:
        commands = [" ".join(process.info["cmdline"] or [])[:100] for process in roots]
        raise ReleaseError(f"{len(roots)} processes run, expected one, the endpoint: {commands}")
