"""Runs the ``run`` steps of a GitHub workflow's jobs, in order, with what GitHub gives to them.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
Steps with ``uses`` are left out: they install what the machine has. A key of a step, or an
expression, that is not known here is an error.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")
_SHELL = ("/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")  # with `shell: bash`
_STEP_KEYS = {"id", "if", "name", "run"}
_TIMEOUT_SECONDS = 900


@dataclass
class JobRun:
    """What a job did.

    Attributes:
        outcomes: ``success``, ``failure`` or ``skipped`` of each command, in order.
        outputs: Of the job.
        printed: What the steps printed.
        seconds: How long it took.
    """

    outcomes: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    printed: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether no step failed."""
        return "failure" not in self.outcomes.values()


@dataclass
class Workflow:
    """One run of a workflow.

    Attributes:
        path: The workflow.
        checkout: The sources.
        environments: Variables of each GitHub environment.
        id_token: Returns the variables with which a job of an environment asks for its ID token.
        path_entry: A folder of commands, before those of this machine.
        variables: More variables of every step.
        before: Called with each command before it runs.
        finished: The jobs that have run, by name. Where failed jobs are run again, it holds the
            others.
    """

    path: Path
    checkout: Path
    environments: Mapping[str, Mapping[str, str]]
    id_token: Callable[[str], Mapping[str, str]]
    path_entry: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _command: None
    finished: dict[str, JobRun] = field(default_factory=dict)

    def run(self, jobs: Collection[str] | None = None) -> dict[str, JobRun]:
        """Run the jobs whose needs have passed; return all that have run, by name.

        Args:
            jobs: Names of the jobs to run; all without it.
        """
        content = yaml.safe_load(self.path.read_text())
        for name, job in content["jobs"].items():
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            is_chosen = jobs is None or name in jobs
            if is_chosen and all(self._has_passed(each) for each in needs):
                folder = content["defaults"]["run"]["working-directory"]
                self.finished[name] = self._run_job(job, self.checkout / folder)
        return self.finished

    def _has_passed(self, job: str) -> bool:
        return job in self.finished and self.finished[job].passed

    def _run_job(self, job: Mapping[str, Any], folder: Path) -> JobRun:
        run, started = JobRun(), time.monotonic()
        environment = job["environment"]
        values = {f"vars.{key}": value for key, value in self.environments[environment].items()}
        for need, finished in self.finished.items():
            values |= {f"needs.{need}.outputs.{k}": v for k, v in finished.outputs.items()}
        variables = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "MNIST_"))},
            **self.variables,
            "PATH": f"{self.path_entry}:{os.environ['PATH']}",
            "GITHUB_RUN_ID": "1",
            **{key: _fill(value, values) for key, value in job["env"].items()},
        }
        if job["permissions"].get("id-token") == "write":
            variables |= self.id_token(environment)
        for step in job["steps"]:
            if "run" in step:
                self._run_step(step, run, values, variables, folder)
        run.outputs = {k: _fill(v, values) for k, v in job.get("outputs", {}).items() if run.passed}
        run.seconds = time.monotonic() - started
        return run

    def _run_step(
        self,
        step: Mapping[str, Any],
        run: JobRun,
        values: dict[str, str],
        variables: Mapping[str, str],
        folder: Path,
    ) -> None:
        if unknown := set(step) - _STEP_KEYS:
            raise KeyError(f"a step has {', '.join(sorted(unknown))}, which is not known here")
        command = step["run"]
        if not _is_due(step.get("if", "success()"), values, passed=run.passed):
            run.outcomes[command] = "skipped"
            return
        self.before(command)
        with tempfile.NamedTemporaryFile("r") as output:
            ended = subprocess.run(
                [*_SHELL, command],
                cwd=folder,
                env={**variables, "GITHUB_OUTPUT": output.name},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
            written = dict(line.split("=", 1) for line in output.read().splitlines())
        run.printed += f"$ {command}\n{ended.stdout}"
        run.outcomes[command] = "failure" if ended.returncode else "success"
        if "id" in step:
            values[f"steps.{step['id']}.outcome"] = run.outcomes[command]
            values |= {f"steps.{step['id']}.outputs.{k}": v for k, v in written.items()}


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda match: values[match[1]], text)


def _is_due(condition: str, values: Mapping[str, str], *, passed: bool) -> bool:
    """Evaluate a condition: statuses, and comparisons of an outcome, joined by ``&&``.

    A step that has not run has no outcome; nothing is cancelled here.
    """
    statuses = {"success()": passed, "failure()": not passed, "!success()": not passed}
    for term in condition.removeprefix("${{").removesuffix("}}").strip().split(" && "):
        if term in statuses:
            is_true = statuses[term]
        else:
            name, expected = term.split(" == ")
            is_true = values.get(name) == expected.strip("'")
        if not is_true:
            return False
    return True
