"""One run of a job of the bundle: its tasks as the job's identity, from the installed wheel."""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from rehearsal.cli_state import CliError, CliState
from rehearsal.job import JobEnvironment, Session
from rehearsal.package import Package

_SECRET = re.compile(r"\{\{secrets/([^/]+)/([^}]+)\}\}")
_READS_TABLES = "monitor"  # every cluster has a session; here only this task, as one costs time


@dataclass(frozen=True)
class BundleJob:
    """A deployed job.

    Attributes:
        state: The services.
        host: The workspace.
        definition: The job as the bundle has it, with every reference replaced.
    """

    state: CliState
    host: str
    definition: Mapping[str, Any]

    def run(self, only: Sequence[str] | None, given: Mapping[str, str]) -> int:
        """Run the tasks in order, each once, until one fails; return the exit status.

        Args:
            only: Keys of the tasks to run; all without it.
            given: Values of the job's parameters.

        Raises:
            CliError: The job has not such a task or parameter, or its identity does not exist.
        """
        job = self.definition
        defaults = {each["name"]: each["default"] for each in job.get("parameters", ())}
        if unknown := set(given) - set(defaults):
            raise CliError(f"job does not have parameters {', '.join(sorted(unknown))}")
        tasks = {task["task_key"]: task for task in job["tasks"]}
        if missing := set(only or ()) - set(tasks):
            raise CliError(f"no such task: {', '.join(sorted(missing))}")
        for key, task in tasks.items():  # the bundle lists a task after those that it depends on
            if only is None or key in only:
                status = self._run_task(task, {**defaults, **given})
                if status:
                    print(f"Error: task {key} failed with exit status {status}", file=sys.stderr)
                    return 1
                print(f"{key} TERMINATED SUCCESS", flush=True)
        return 0

    def _run_task(self, task: Mapping[str, Any], values: Mapping[str, str]) -> int:
        clusters = {
            each["job_cluster_key"]: each["new_cluster"] for each in self.definition["job_clusters"]
        }
        cluster = clusters[task["job_cluster_key"]]
        package = Package(self.state.wheel, Path())
        environment = JobEnvironment(
            package, self.state.python, self.state.folder / "drivers", None
        )
        key = task["task_key"]
        tables = {name: Path(folder) for name, folder in self.state.tables.items()}
        return environment.run_task(
            key,
            [self._fill(each, values) for each in task["python_wheel_task"]["parameters"]],
            self._variables(cluster["spark_env_vars"]),
            session=Session(tables=tables) if key == _READS_TABLES else Session(),
        )

    def _fill(self, text: str, values: Mapping[str, str]) -> str:
        filled = re.sub(r"\{\{job\.parameters\.(\w+)\}\}", lambda match: values[match[1]], text)
        return self.state.local_path(filled)

    def _variables(self, cluster: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a task: the cluster's variables, and the job's identity."""
        run_as = self.definition["run_as"]["service_principal_name"]
        if run_as not in self.state.secrets:
            raise CliError(f"service principal {run_as} does not exist")
        secret = self.state.secrets[run_as]
        form = {"grant_type": "client_credentials", "scope": "all-apis"}
        with httpx.Client(base_url=self.host, timeout=30) as http:
            issued = http.post("/oidc/v1/token", data=form, auth=(run_as, secret)).json()
            http.headers["authorization"] = f"Bearer {issued['access_token']}"
            resolved = {
                name: self.state.local_path(_resolve_secrets(http, str(value)))
                for name, value in cluster.items()
            }
        return {
            **{name: value for name, value in resolved.items() if value},
            "DATABRICKS_HOST": self.host,
            "DATABRICKS_CLIENT_ID": run_as,
            "DATABRICKS_CLIENT_SECRET": secret,
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **self.state.variables,
        }


def _resolve_secrets(http: httpx.Client, text: str) -> str:
    """Replace ``{{secrets/scope/key}}`` as the identity of the job, before the cluster starts."""

    def read(match: re.Match[str]) -> str:
        names = {"scope": match[1], "key": match[2]}
        response = http.get("/api/2.0/secrets/get", params=names)
        if response.is_error:
            raise CliError(f"{match[0]}: {response.text}")
        return b64decode(response.json()["value"]).decode()

    return _SECRET.sub(read, text)
