"""A folder's way to and from an artifact store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_AT_ONCE = 4  # an upload waits for the server more than it works


def upload(folder: Path, location: str, uri: str) -> None:
    """Upload every file of the folder; MLflow itself sends one after the other.

    Args:
        folder: What to upload.
        location: Where to: an artifact location of that server.
        uri: The server.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    store: Any = get_artifact_repository(location, tracking_uri=uri, registry_uri=uri)

    def send(file: Path) -> None:
        parent = file.parent.relative_to(folder).as_posix()
        store.log_artifact(str(file), None if parent == "." else parent)

    files = [file for file in folder.rglob("*") if file.is_file()]
    files.sort(key=lambda file: -file.stat().st_size)  # the longest first
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for sent in [pool.submit(send, file) for file in files]:
            sent.result()


def download(location: str, folder: Path, uri: str) -> str:
    """Download everything at the location into the folder and return where it lies."""
    from mlflow.artifacts import download_artifacts

    return str(download_artifacts(artifact_uri=location, dst_path=str(folder), tracking_uri=uri))
