"""What callers send to production: the images of the test set, which the model was trained for."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.storage import idx
from crosscloud_mnist.storage.shard_layout import shard_paths
from rehearsal.workspace_process import WorkspaceProcess

_MAX_IMAGES = 2000
_IMAGES_PER_REQUEST = 20


def send_test_images(workspace: WorkspaceProcess, storage: Path) -> int:
    """Send the test images to the workspace's endpoint; return how many were predicted.

    Args:
        workspace: The workspace that serves.
        storage: The storage of the cloud that trained.

    Raises:
        httpx.HTTPStatusError: The endpoint rejected a request.
    """
    images, _ = read_test_set(storage)
    send_images(workspace, images)
    return len(images)


def read_test_set(storage: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the first test images, [n, 28, 28], and labels, [n], of the cloud that trained."""
    images, labels = (
        idx.decode(path.read_bytes(), str(path))[:_MAX_IMAGES]
        for path in shard_paths(storage / "05_model_input" / "test", 0, 1)
    )
    return images, labels


def send_images(workspace: WorkspaceProcess, images: NDArray[np.uint8]) -> None:
    """Send images to the workspace's endpoint.

    Args:
        workspace: The workspace that serves.
        images: [n, 28, 28], uint8.

    Raises:
        httpx.HTTPStatusError: The endpoint rejected a request.
    """
    authorization = {"authorization": f"Bearer {workspace.token}"}
    with httpx.Client(base_url=workspace.host, headers=authorization, timeout=60) as http:
        for start in range(0, len(images), _IMAGES_PER_REQUEST):
            body = {"instances": images[start : start + _IMAGES_PER_REQUEST].tolist()}
            http.post("/serving-endpoints/mnist_cnn/invocations", json=body).raise_for_status()
