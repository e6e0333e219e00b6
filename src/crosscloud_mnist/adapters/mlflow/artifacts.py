"""Upload to and download from an artifact store."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider

_UPLOADS_AT_ONCE = 4  # an upload mostly waits for the server


def upload(folder: Path, location: str, clients: ClientProvider) -> None:
    """Upload every file of the folder, several at once: MLflow itself sends one after the other.

    Args:
        folder: What to upload.
        location: An artifact location of that workspace.
        clients: The workspace.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository: Any = get_artifact_repository(
        location, tracking_uri=clients.tracking_uri, registry_uri=clients.registry_uri
    )

    def send(file: Path) -> None:
        parent = file.parent.relative_to(folder).as_posix()
        repository.log_artifact(str(file), None if parent == "." else parent)

    files = [file for file in folder.rglob("*") if file.is_file()]
    files.sort(key=lambda file: -file.stat().st_size)  # the longest upload starts first
    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
        for upload_ in [pool.submit(send, file) for file in files]:
            upload_.result()


def download(location: str, folder: Path, clients: ClientProvider) -> None:
    """Download everything at the location into ``folder``, which must not exist.

    The folder appears only once it is complete.
    """
    from mlflow.artifacts import download_artifacts

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as staging:
        downloaded = download_artifacts(
            artifact_uri=location,
            dst_path=staging,
            tracking_uri=clients.tracking_uri,
            registry_uri=clients.registry_uri,
        )
        shutil.move(downloaded, folder)
