"""What answers pictures: an endpoint, or a job over many of them."""

from __future__ import annotations

from collections.abc import Iterator
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
        """Serve the version, and return once it answered the bundle's golden set correctly.

        Args:
            version: What to serve.
            bundle: The version's bundle, verified, as a local folder.

        Raises:
            EndpointError: It did not become ready, or answered wrongly.
        """

    def describe(self) -> Deployment:
        """Return what the endpoint serves at this moment, by its own word.

        Raises:
            EndpointError: It does not answer.
        """

    def predict(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send pictures and return their probabilities.

        Args:
            pictures: ``[n, 28, 28]``, uint8, light ink on dark ground.

        Returns:
            ``[n, 10]``: the probability of each digit.

        Raises:
            EndpointError: It refused them, or did not answer.
        """


@dataclass(frozen=True)
class Scored:
    """How far a scoring job is, after a chunk of pictures is on storage.

    Attributes:
        chunk: The chunk's number, from 1.
        chunks: How many this run has.
        pictures: Answered so far in this run, those that cannot be read included.
        of: Pictures that this run has to answer.
        errors: Of the pictures so far, those that cannot be read.
        seconds: Since the first chunk was begun.
    """

    chunk: int
    chunks: int
    pictures: int
    of: int
    errors: int
    seconds: float


class Scorer(Protocol):
    """Answers many pictures at once, away from any endpoint."""

    def score(
        self, version: ModelVersion, bundle: Path, images: str, scores: Path, per_chunk: int
    ) -> Iterator[Scored]:
        """Answer every picture that the version did not answer yet.

        Args:
            version: What answers.
            bundle: The version's bundle, verified, as a local folder.
            images: A folder of pictures, or a table of them with the columns of Spark's
                ``binaryFile`` (a path, or a name in the metastore).
            scores: Folder of the Parquet files: one for each chunk, whole or not there, under
                ``model_version=...``.
            per_chunk: Pictures in a chunk.

        Yields:
            After each chunk, how far it is; nothing where all is answered already.

        Raises:
            DataError: There are no pictures.
        """
