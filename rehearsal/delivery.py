"""The delivery of ``.github/workflows/delivery.yml`` between two emulated workspaces.

``staging`` is a schema of production's metastore, so it is in the workspace ``gcp``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rehearsal.cli_state import STATE_VARIABLE
from rehearsal.delivery_setup import SCOPE, edit, write_checkout, write_cli, write_secrets
from rehearsal.flow import PROJECT
from rehearsal.github_workflow import JobRun, Workflow
from rehearsal.grants import subject_of
from rehearsal.identity_provider import IdentityProvider
from rehearsal.inputs import create_keys
from rehearsal.job import JobEnvironment
from rehearsal.package import Package, site_packages
from rehearsal.staging_flow import approve
from rehearsal.state import find_champions, find_served_versions
from rehearsal.workspace_process import WorkspaceProcess

WORKFLOW = PROJECT / ".github" / "workflows" / "delivery.yml"
STAGED_MODEL = "data_masters.staging.mnist_cnn"
APPROVERS = "model-approvers"  # the group whose name the tag of the approval has
# The service principals of a GitHub environment: who delivers, and who the jobs run as.
_PRINCIPALS = {
    "azure": ("delivers", "trains"),
    "staging": ("delivers_staging", "releases_staging"),
    "gcp": ("delivers", "releases"),
}
# The environment whose jobs a service principal trusts, by workspace.
_TRUSTED = {
    "azure": {"delivers": "azure"},
    "gcp": {"delivers": "gcp", "delivers_staging": "staging"},
}
_WORKSPACE_IDS = {"azure": "3333", "gcp": "4444"}
_BAKE_TIME = "2"  # the rehearsal's inference table has a row after a second


@dataclass
class Delivery:
    """The workspaces, the checkout and what a delivery needs beside them.

    Attributes:
        workspaces: ``azure`` and ``gcp``.
        folder: Holds the checkout, the CLI and the volumes.
        job: The environment of the tasks.
        identity_provider: Whose ID tokens the CI jobs have.
        keys: Paths of the private and the public key of the bundles.
        before: What is done before each command that holds a text, by that text.
        runs: What each delivery did, in order.
    """

    workspaces: Mapping[str, WorkspaceProcess]
    folder: Path
    job: JobEnvironment
    identity_provider: IdentityProvider
    keys: tuple[str, str]
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    runs: list[dict[str, JobRun]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def prepared(
        cls, folder: Path, identity_provider: IdentityProvider, package: Package
    ) -> Iterator[Self]:
        """Start the workspaces and install the wheel; end the workspaces with the block."""
        with ThreadPoolExecutor() as pool:
            started = {
                name: pool.submit(
                    WorkspaceProcess.start,
                    *(name, workspace_id, folder / name),
                    issuer=identity_provider.issuer,
                    environments=_TRUSTED[name],
                )
                for name, workspace_id in _WORKSPACE_IDS.items()
            }
        running = [each.result() for each in started.values() if not each.exception()]
        try:
            workspaces = {name: each.result() for name, each in started.items()}
            for workspace in running:
                workspace.provision()
            keys = create_keys(folder / "keys")
            job = JobEnvironment.create(package, folder / "job", has_cluster=False)
            write_secrets(workspaces, keys)
            write_checkout(folder / "checkout")
            write_cli(folder, job, workspaces)
            yield cls(workspaces, folder, job, identity_provider, keys)
        finally:
            for workspace in running:
                workspace.stop()

    def run(
        self,
        jobs: Collection[str] | None = None,
        *,
        finished: Mapping[str, JobRun] | None = None,
    ) -> dict[str, JobRun]:
        """Run the workflow, or some of its jobs; return all that have run, by name.

        Args:
            jobs: Names of the jobs to run; all without it.
            finished: Jobs that have run before, as where failed jobs are run again.
        """
        self.runs.append(
            Workflow(
                WORKFLOW,
                self.folder / "checkout",
                environments={name: self._environment(name) for name in _PRINCIPALS},
                id_token=lambda name: self.identity_provider.github_variables(subject_of(name)),
                path_entry=self.folder / "bin",
                variables={STATE_VARIABLE: str(self.folder / "state.json")},
                before=self._call_before,
                finished=dict(finished or {}),
            ).run(jobs)
        )
        return self.runs[-1]

    def _call_before(self, command: str) -> None:
        for part, call in self.before.items():
            if part in command:
                call()

    def _environment(self, name: str) -> dict[str, str]:
        """Return the variables of a GitHub environment; none of them is a secret."""
        workspace = self.workspaces["azure" if name == "azure" else "gcp"]
        delivers, runs_as = (workspace.principals[role] for role in _PRINCIPALS[name])
        return {
            "DATABRICKS_HOST": workspace.host,
            "DATABRICKS_CLIENT_ID": delivers.client_id,
            "RUN_AS": runs_as.client_id,
            "OPERATORS": "operators",
            "NOTIFY": "team@bank.example",
            "POLICY_ID": "ABC123",
            "SIGNING_KEY": f"{{{{secrets/{SCOPE}/signing-key}}}}",
            "VERIFYING_KEY": f"{{{{secrets/{SCOPE}/verifying-key}}}}",
            "BAKE_TIME": _BAKE_TIME,
        }

    def approve(self) -> None:
        """Do what a person does between staging and production."""
        for version in find_champions(self.workspaces["gcp"], STAGED_MODEL):
            approved = approve(self.workspaces["gcp"], "approves", version, APPROVERS)
            approved.raise_for_status()

    def change_package(self, path: str, old: str, new: str) -> None:
        """Change a module of the installed package, as if the wheel were built again."""
        edit(site_packages(self.job.python.parents[1]) / "crosscloud_mnist" / path, old, new)

    def change_source(self, path: str, old: str, new: str) -> None:
        """Change a file of the checkout."""
        edit(self.folder / "checkout" / path, old, new)

    def reject_callers(self) -> None:
        """Let production's endpoint reject its callers, until they are accepted again."""
        path = "/serving-endpoints/mnist_cnn/invocations"
        self.workspaces["gcp"].inject({"fault": "expiring", "path": path, "times": 1000})

    def accept_callers(self) -> None:
        """End what ``reject_callers`` began."""
        self.workspaces["gcp"].inject()

    def production_requests(self) -> list[str]:
        """Return what the identities of production have sent to its workspace."""
        gcp = self.workspaces["gcp"]
        principals = {gcp.principals[role].client_id for role in _PRINCIPALS["gcp"]}
        return [
            f"{request['method']} {request['path']}"
            for request in gcp.requests()
            if request["principal"] in principals
        ]

    def champion(self) -> str:
        """Return the version in production; ``none`` before the first release."""
        return ", ".join(find_champions(self.workspaces["gcp"])) or "none"

    def is_served(self, version: str) -> bool:
        """Return whether a version is in production: the champion, and alone on the endpoint."""
        is_alone = find_served_versions(self.workspaces["gcp"]) == [version]
        return self.champion() == version and is_alone
