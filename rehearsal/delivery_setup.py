"""What a delivery finds: secrets as Terraform writes them, a checkout, and the CLI on the PATH."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import yaml

from rehearsal.cli_state import CliState
from rehearsal.flow import PROJECT
from rehearsal.inference_table import table_folder
from rehearsal.job import JobEnvironment
from rehearsal.workspace_process import WorkspaceProcess

SCOPE = "crosscloud_mnist"
SCHEMAS = ("train", "staging", "deploy")
COMMIT = "ab" * 20
_TABLES = ("data_masters.deploy.mnist_cnn_payload",)
# A training of seconds, in one process, on the UCI digits: what is rehearsed is the delivery.
_EDITS = {
    "conf/base/globals.yml": {
        "https://": "http://127.0.0.1:9/",
        "mode: distributed": "mode: single",
    },
    "conf/base/parameters_smoke_test.yml": {"expect: names": "expect: none"},
    "conf/azure/globals.yml": {"uci_fallback: false": "uci_fallback: true"},
    "conf/staging/globals.yml": {"minimum_accuracy: 0.99": "minimum_accuracy: 0.95"},
    "conf/gcp/globals.yml": {"minimum_accuracy: 0.99": "minimum_accuracy: 0.95"},
    "infra/bundle/jobs/training.py": {'"recipe": "best"': '"recipe": "compact"'},
}


def write_secrets(workspaces: Mapping[str, WorkspaceProcess], keys: tuple[str, str]) -> None:
    """Write the keys, and how production's metastore reaches the sandbox.

    Args:
        workspaces: ``azure`` and ``gcp``.
        keys: Paths of the private and the public key.
    """
    private, public = (Path(key).read_text() for key in keys)
    azure = workspaces["azure"]
    reader = azure.principals["reads"]
    remote = {
        "host": azure.host,
        "workspace-id": azure.workspace_id,
        "client-id": reader.client_id,
        "client-secret": reader.secret,
    }
    _put_secrets(azure, SCOPE, {"signing-key": private, "verifying-key": public})
    _put_secrets(workspaces["gcp"], SCOPE, {"verifying-key": public})
    prefixed = {f"data_masters_train-{key}": value for key, value in remote.items()}
    _put_secrets(workspaces["gcp"], "data_masters_azure", prefixed)


def _put_secrets(workspace: WorkspaceProcess, scope: str, values: Mapping[str, str]) -> None:
    authorization = {"authorization": f"Bearer {workspace.token}"}
    with httpx.Client(base_url=workspace.host, headers=authorization, timeout=30) as http:
        http.post("/api/2.0/secrets/scopes/create", json={"scope": scope}).raise_for_status()
        for key, value in values.items():
            secret = {"scope": scope, "key": key, "string_value": value}
            http.post("/api/2.0/secrets/put", json=secret).raise_for_status()


def write_checkout(folder: Path) -> None:
    """Copy what the steps use of the sources; ``make setup`` finds its environment up to date.

    Args:
        folder: For the copy; created.
    """
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    for name in ("infra", "notebooks"):
        shutil.copytree(PROJECT / name, folder / name)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(PROJECT / name, folder)
    for name in ("src", ".venv"):
        (folder / name).mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv" / ".installed").touch()
    for path, replacements in _EDITS.items():
        for old, new in replacements.items():
            edit(folder / path, old, new)
    change_recipe(folder / "conf", "compact", epochs=3, steps_per_epoch=60)


def change_recipe(conf: Path, name: str, **settings: int) -> None:
    """Change settings of a recipe, whatever they are now; comments are lost.

    Args:
        conf: Configuration folder that is changed.
        name: The recipe.
        **settings: Settings that the recipe has, with their new values.

    Raises:
        ValueError: The recipe does not have one of the settings.
    """
    path = conf / "base" / "parameters_recipes.yml"
    document = yaml.safe_load(path.read_text())
    recipe = document["_recipes"][name]
    if unknown := settings.keys() - recipe.keys():
        raise ValueError(f"recipe {name} in {path} has no {', '.join(sorted(unknown))}")
    recipe.update(settings)
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file.

    Raises:
        ValueError: The file does not hold it.
    """
    text = path.read_text()
    if old not in text:
        raise ValueError(f"{path} does not hold {old!r}")
    path.write_text(text.replace(old, new))


def write_cli(
    folder: Path, job: JobEnvironment, workspaces: Mapping[str, WorkspaceProcess]
) -> None:
    """Put ``databricks`` into ``bin``, and what it knows beside that.

    Args:
        folder: For both.
        job: The environment of the tasks.
        workspaces: ``azure`` and ``gcp``.
    """
    principals = [each for w in workspaces.values() for each in w.principals.values()]
    gcp = workspaces["gcp"].folder
    CliState(
        folder=folder / "services",
        python=job.python,
        wheel=job.package.wheel,
        commit=COMMIT,
        secrets={each.client_id: each.secret for each in principals},
        tables={name: str(table_folder(gcp, name)) for name in _TABLES},
        variables={"MNIST_CACHE": str(folder / "cache")},
    ).write(folder / "state.json")
    for schema in SCHEMAS:
        storage(folder, schema).mkdir(parents=True)
    command = folder / "bin" / "databricks"
    command.parent.mkdir()
    run = f'PYTHONPATH={PROJECT} exec {sys.executable} -m rehearsal.databricks_cli "$@"'
    command.write_text(f"#!/bin/sh\n{run}\n")
    command.chmod(0o755)


def storage(folder: Path, schema: str) -> Path:
    """Return where the volume of a schema is on this machine."""
    return folder / "services" / "Volumes" / "data_masters" / schema / "mnist"
