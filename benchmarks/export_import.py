"""``register_remote`` and the tools that export and import a model version, as whole commands.

The tools are mlflow-export-import and its successor databricks-mlflow-export-import, each in an
environment of its own with this project's MLflow, which ``make bench ONLY=promotion`` installs.
They copy a registered model with one such version between the same two servers, in turns. They
verify nothing; a result names what each achieved: how many bytes it exported, and whether the
version exists at the target.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from mlflow import MlflowClient

from rehearsal.mlflow_servers import Server

_SUCCESSOR = "databricks-mlflow-export-import"
TOOLS = ("mlflow-export-import", _SUCCESSOR)
_PROJECT = Path(__file__).parents[1]
_PACKAGE = "mlflow_export_import"
# The wheel's command, as a job runs it, and Kedro's, which loads the command lines of all plugins.
_COMMANDS = {
    "crosscloud-mnist": [sys.executable, "-m", "crosscloud_mnist"],
    "kedro run": [sys.executable, "-m", "kedro", "run"],
}


@dataclass(frozen=True)
class CommandResult:
    """What one way of moving a version took and achieved.

    Attributes:
        seconds: Of its commands together.
        exported_bytes: What lay between export and import; 0 of ``register_remote``.
        is_registered: Whether the target has the version.
        message: The last line of a command that failed.
    """

    seconds: float
    exported_bytes: int
    is_registered: bool
    message: str


def find_tools() -> list[str]:
    """Return the tools that are installed, and name those that are not."""
    installed = [name for name in TOOLS if (_PROJECT / "build" / name / ".installed").exists()]
    for name in set(TOOLS) - set(installed):
        print(f"{name} is not installed, it is left out; run make build/{name}/.installed")
    return installed


def measure_commands(
    servers: tuple[Server, Server],
    work: Path,
    log_model: Callable[[], str],
    rounds: int,
) -> list[dict[str, dict[str, Any]]]:
    """Return the results of each round, by the command of ``register_remote`` or the tool's name.

    Args:
        servers: Source and target.
        work: A folder for this measurement, with the verifying key ``key.pub``.
        log_model: Logs a new bundle at the source and returns its URI.
        rounds: How often; one more warms the page cache up.
    """
    project, tools = _write_project(servers, work), find_tools()
    results = []
    for number in range(rounds + 1):
        result = {
            name: _promote(command, project, servers, log_model())
            for name, command in _COMMANDS.items()
        }
        for tool in tools:
            folder = work / f"{tool} {number}"
            result[tool] = _export_and_import(tool, servers, folder, log_model())
        results.append(result)
    return [{name: asdict(each) for name, each in result.items()} for result in results[1:]]


def _promote(
    command: Sequence[str], project: Path, servers: tuple[Server, Server], uri: str
) -> CommandResult:
    arguments = ["--pipelines", "register_remote", "--env", "benchmark"]
    arguments += ["--params", f"register_remote.model={uri}"]
    seconds, ended = _run([[*command, *arguments]], [servers[0].credentials], project)
    if ended.returncode:
        raise SystemExit(f"register_remote failed: {ended.stdout[-1000:]}{ended.stderr[-2000:]}")
    return CommandResult(seconds, 0, is_registered=True, message="")


def _export_and_import(
    tool: str, servers: tuple[Server, Server], folder: Path, uri: str
) -> CommandResult:
    name = f"{tool}-{uri.rpartition('-')[2]}"
    source = _client(servers[0])
    model = source.get_logged_model(uri.removeprefix("models:/"))
    source.create_registered_model(name)
    version = source.create_model_version(
        name, uri, run_id=model.source_run_id, model_id=model.model_id
    ).version
    python = str(_python(tool))
    kind, more = "model", []
    if tool == _SUCCESSOR:  # which alone has commands for a single version
        kind, more = "model_version", ["--version", str(version)]
        _client(servers[1]).create_registered_model(name)
    export = [python, "-m", f"{_PACKAGE}.{kind}.export_{kind}", "--model", name]
    export += ["--output-dir", str(folder), *more]
    load = [python, "-m", f"{_PACKAGE}.{kind}.import_{kind}", "--model", name]
    load += ["--experiment-name", "benchmark", "--input-dir", str(folder)]
    # The successor's own HTTP client takes the password from the address alone.
    environments = [
        {**server.credentials, "MLFLOW_TRACKING_URI": _address_with_password(server)}
        for server in servers
    ]
    seconds, ended = _run([export, load], environments, folder.parent)
    exported = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    found = _client(servers[1]).search_model_versions(f"name = '{name}'")
    lines = (ended.stdout + ended.stderr).strip().splitlines() if ended.returncode else []
    return CommandResult(seconds, exported, bool(found), lines[-1][:300] if lines else "")


def _run(
    commands: Sequence[Sequence[str]], environments: Sequence[Mapping[str, str]], folder: Path
) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Run commands one after the other; return their seconds, and the first that failed or last."""
    start = time.perf_counter()
    failed = ended = None
    for command, environment in zip(commands, environments, strict=True):
        ended = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": "", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        failed = failed or (ended if ended.returncode else None)
    seconds = time.perf_counter() - start
    assert ended is not None
    return seconds, failed or ended


def _write_project(servers: tuple[Server, Server], work: Path) -> Path:
    """Write a project whose environment ``benchmark`` promotes from one server to the other."""
    project = work / "project"
    shutil.copytree(_PROJECT / "conf" / "base", project / "conf" / "base")
    shutil.copy(_PROJECT / "conf" / "logging.yml", project / "conf")
    shutil.copytree(_PROJECT / "src", project / "src")
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(_PROJECT / name, project)
    source, target = servers
    configuration = {
        "globals": {
            "tracking_uri": source.address,
            "source": source.address,
            "target": target.address,
            "experiment": "benchmark",
            "experiment_artifacts": None,
            "model_name": "promoted_by_command",
            "minimum_accuracy": 0.9,
            "require_same_test_set": True,
        },
        "credentials": {
            "source": source.credentials,
            "target": target.credentials,
            "serve_from": target.credentials,
            "verifying": {"public_key": str(work / "key.pub")},
        },
    }
    (project / "conf" / "benchmark").mkdir()
    for name, content in configuration.items():
        path = project / "conf" / "benchmark" / f"{name}.yml"
        path.write_text(yaml.safe_dump(content))
    return project


def _address_with_password(server: Server) -> str:
    return server.address.replace("://", f"://{server.user}:{server.password}@")


def _client(server: Server) -> MlflowClient:
    os.environ.update(server.credentials)
    return MlflowClient(tracking_uri=server.address, registry_uri=server.address)


def _python(tool: str) -> Path:
    return _PROJECT / "build" / tool / "bin" / "python"
