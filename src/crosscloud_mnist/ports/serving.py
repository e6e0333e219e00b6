"""An endpoint that serves a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from crosscloud_mnist.ports.registry import ModelVersion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Deployment:
    """A version that an endpoint serves.

    Attributes:
        endpoint: URL that takes ``POST {"instances": [...]}``.
        name: The registered model.
        model_version: The version served.
        digest: SHA-256 of the bundle served, hexadecimal.
    """

    endpoint: str
    name: str
    model_version: str
    digest: str


class Endpoint(Protocol):
    """One serving endpoint of one cloud."""

    def deploy(self, version: ModelVersion, bundle: Path) -> Deployment:
        """Serve the version, and return once its predictions for the golden set are right.

        Args:
            version: What to serve.
            bundle: The version's bundle, verified, as a local folder.

        Raises:
            EndpointError: It did not become ready, or its predictions are wrong.
        """

    def describe(self) -> Deployment:
        """Return what the endpoint serves at this moment, as the endpoint itself reports it.

        Raises:
            EndpointError: It does not respond.
        """

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images and return their probabilities.

        Args:
            images: ``[n, *image_shape]``, uint8, as the bundle's contract says.

        Returns:
            ``[n, classes]``: the probability of each class.

        Raises:
            EndpointError: It rejected them, or did not respond.
        """


def report_file_name(name: str, version: str, digest: str) -> str:
    """Return the name of a version's report, without its ending: ``mnist_cnn-3-0123456789ab``.

    Args:
        name: The registered model.
        version: Its version; another registry may have the same number.
        digest: SHA-256 of its bundle, hexadecimal.
    """
    return f"{served_entity_name(name, version)}-{digest[:12]}"


def served_entity_name(name: str, version: str) -> str:
    """Return the name that Model Serving gives a served version: ``mnist_cnn-3``.

    Args:
        name: The registered model; of three levels the last one counts.
        version: Its version.
    """
    return f"{name.rpartition('.')[2]}-{version}"
