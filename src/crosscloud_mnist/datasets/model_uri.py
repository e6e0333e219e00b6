"""Which logged model is meant: the one that was named, or the one that ``train`` wrote down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage import atomic

LAST_TRAINED = "last_trained"


class ModelUriDataset(AbstractDataset[str, str]):
    """The URI of a logged model, ``models:/m-...``.

    Args:
        filepath: Where ``train`` writes it down.
        given: The URI named by the user, or ``last_trained`` to read the file. Where neither
            stands, loading fails: what goes to production is named, never "the newest".
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
            ConfigurationError: None was given, or nothing was trained here yet.
        """
        if self._given is None:
            raise ConfigurationError(
                "register_remote.model is not set, expected the URI that train printed; add "
                "--params register_remote.model=models:/m-..."
            )
        if self._given != LAST_TRAINED:
            return self._given
        if not self._filepath.is_file():
            raise ConfigurationError(
                f"{self._filepath} does not exist, expected the URI that train writes there; run "
                "kedro run --pipelines train, or add --params register_remote.model=models:/m-..."
            )
        return self._filepath.read_text().strip()

    def save(self, data: str) -> None:
        """Write the URI down."""
        atomic.write_bytes(self._filepath, f"{data}\n".encode())

    def _exists(self) -> bool:
        return self._given not in (None, LAST_TRAINED) or self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "given": self._given}
