"""The logged model to promote: the one that the user names, or the last that ``train`` saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage import atomic

LAST_TRAINED = "last_trained"


class ModelUriDataset(AbstractDataset[str, str]):
    """The URI of a logged model, ``models:/m-...``.

    Example, in YAML:

    .. code-block:: yaml

        model_uri:
          type: crosscloud_mnist.datasets.model_uri.ModelUriDataset
          filepath: data/06_models/model_uri.txt
          given: last_trained

    and in Python:

    .. code-block:: pycon

        >>> from crosscloud_mnist.datasets.model_uri import ModelUriDataset
        >>> dataset = ModelUriDataset(filepath="/tmp/model_uri.txt", given="last_trained")
        >>> dataset.save("models:/m-0123456789abcdef")
        >>> dataset.load()
        'models:/m-0123456789abcdef'

    Args:
        filepath: The file that ``train`` saves the URI to.
        given: The URI that the user names, or ``last_trained`` to read the file. Without either,
            loading fails: a model goes to production by name, never as "the newest".
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self, *, filepath: str, given: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = Path(filepath)
        self._given = given
        self.metadata = metadata

    def load(self) -> str:
        """Return the URI.

        Raises:
            ConfigurationError: No URI was given, or nothing has been trained in this project.
        """
        if not self._given:  # a job's parameter that was left empty
            raise ConfigurationError(
                "register_remote.model is not set, expected the URI that train printed; add "
                "--params register_remote.model=models:/m-..."
            )
        if self._given != LAST_TRAINED:
            return self._given
        try:
            return atomic.read_bytes(self._filepath).decode().strip()
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"{self._filepath} does not exist, expected the URI that train writes there; run "
                "kedro run --pipelines train, or add --params register_remote.model=models:/m-..."
            ) from error

    def save(self, data: str) -> None:
        """Write the URI to the file."""
        atomic.write_bytes(self._filepath, f"{data}\n".encode())

    def _exists(self) -> bool:
        return self._given not in (None, "", LAST_TRAINED) or atomic.is_complete(self._filepath)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "given": self._given}
