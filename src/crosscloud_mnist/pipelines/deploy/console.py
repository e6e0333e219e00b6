"""What ``deploy`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crosscloud_mnist.pipelines.deploy.nodes import DeploymentRecord


def _format_deployment(deployment: DeploymentRecord) -> Iterator[str]:
    yield (
        f"Endpoint: {deployment['endpoint']} serves {deployment['name']} "
        f"{deployment['model_version']}"
    )


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {"deployment": _format_deployment}
