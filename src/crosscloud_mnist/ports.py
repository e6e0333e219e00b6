"""The ports: what the pipelines ask of the world outside, and the values that cross.

A node never reaches out by itself: it is handed an adapter that conf chose (``adapters/``)
and knows it only by one of these protocols. The values are plain and frozen, so that an adapter
may do its work in another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from crosscloud_mnist.training.plan import Epoch, Outcome, Plan

Mode = Literal["single", "local", "distributed", "custom"]


class Launcher(Protocol):
    """Runs the training function somewhere: in this process, or as Spark barrier tasks."""

    def launch(
        self,
        train: Callable[[Plan], Outcome],
        plan: Plan,
        mode: Mode,
        on_epoch: Callable[[Epoch], None],
    ) -> Outcome:
        """Run ``train(plan)`` on every slot and return rank 0's outcome.

        Args:
            train: The training function, importable on the executors.
            plan: What to train, on what, for how long.
            mode: ``single`` (this process), ``local`` (the driver, through
                MirroredStrategyRunner), ``distributed`` (one barrier task a slot) or ``custom``
                (the same, with the training function's own strategy).
            on_epoch: Called in this process with each epoch's record soon after it ended,
                in order, each epoch once.

        Raises:
            TrainingError: A task was lost, or there are too few slots.
        """

    def launch_each(
        self,
        train: Callable[[Plan], Outcome],
        plans: Sequence[Plan],
        on_epoch: Callable[[int, Epoch], None],
    ) -> tuple[Outcome, ...]:
        """Train several models at once: each plan on a slot of its own, under its own strategy.

        Args:
            train: As for ``launch``.
            plans: As many as one likes; where there are more than slots, they go in waves.
            on_epoch: Called in this process with the plan's index and the epoch's record, for
                each plan as ``launch`` does.

        Returns:
            The outcomes, in the order of the plans.

        Raises:
            TrainingError: A task was lost, or there are too few slots.
        """


class Dealer(Protocol):
    """Ingests pictures that outgrow this process, where the data is."""

    def deal(self, folder: str, fraction: float, seed: int) -> dict[str, Any]:
        """Check every part and deal the pictures out into shards.

        Args:
            folder: Parts as pairs of IDX files, on storage that every worker sees.
            fraction: The part of the training pictures set aside for validation.
            seed: Of that choice, and of the order.

        Returns:
            The data card: where the data came from, digests, counts by class and split.

        Raises:
            IdxError: A part is no pair of IDX files of digits.
        """


class Tracker(Protocol):
    """The experiment-tracking run that is open while a pipeline runs."""

    def nested(self, name: str, settings: Mapping[str, object]) -> AbstractContextManager[Tracker]:
        """Open a run inside this one; it ends with the block, as failed where that raises."""

    def epoch(self, record: Epoch) -> None:
        """Log one epoch's metrics under that epoch's number as the step."""

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""

    def dataset(self, name: str, digest: str, source: str) -> None:
        """Log the training data as an input of the run."""

    def run_id(self) -> str:
        """Return the run's identity."""

    def text(self, text: str, name: str) -> None:
        """Log a text artifact under the name."""


@dataclass(frozen=True)
class LoggedModel:
    """A candidate: a bundle that a workspace's tracking server holds.

    Attributes:
        uri: ``models:/m-...``, as ``train`` printed it.
        digest: SHA-256 of the bundle, hexadecimal, recorded when it was logged.
        run_id: The training run.
        tags: What was recorded with it (``git_commit``, ``dataset``, ``dataset_digest``, ...).
    """

    uri: str
    digest: str
    run_id: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelVersion:
    """A version that a model registry holds.

    Attributes:
        name: The registered model (``mnist_cnn``; three levels in Unity Catalog).
        version: The number that the registration returned, never "latest".
        digest: SHA-256 of its bundle, hexadecimal.
        tags: The version's tags, with the lineage.
    """

    name: str
    version: str
    digest: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LedgerEntry:
    """What was done to production, or refused: written before it is done, never changed after.

    Attributes:
        action: ``promoted``, ``refused`` or ``rolled back``.
        name: The registered model.
        alias: The alias that moved, or would have.
        version: The version it moved to, or would have.
        digest: SHA-256 of that version's bundle, hexadecimal.
        before: The version that the alias pointed to, if any.
        reason: Why: what the gates said, or what the person who rolled back said.
        figures: The gates with their figures, as JSON.
        actor: Whom the workspace knows as the one who did it.
        at: When, ISO 8601 in UTC.
        previous: ``hash`` of the entry before, so that none can be taken out unnoticed.
        hash: SHA-256 over all of the above, hexadecimal.
        done: Whether it was done; an entry that is not was interrupted.
    """

    action: str
    name: str
    alias: str
    version: str
    digest: str
    before: str = ""
    reason: str = ""
    figures: str = ""
    actor: str = ""
    at: str = ""
    previous: str = ""
    hash: str = ""
    done: bool = False


class Registry(Protocol):
    """One workspace: its tracking server and its model registry."""

    def workspace(self) -> str:
        """Return the workspace that a write would really reach, for lineage and logs."""

    def holds(self, uri: str) -> bool:
        """Whether the workspace is the one that logged the model, under whatever name reached."""

    def log_model(
        self,
        folder: Path,
        *,
        run_id: str,
        digest: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
    ) -> str:
        """Log the bundle in ``folder`` under the run and return its ``models:/m-...`` URI."""

    def logged_model(self, uri: str) -> LoggedModel:
        """Look up a logged model.

        Raises:
            RegistryError: The workspace has none of that URI, or does not answer.
        """

    def download_logged(self, uri: str, folder: Path) -> None:
        """Write the logged model's files into ``folder``, which must not exist."""

    def clean(self, name: str, digest: str, lease_seconds: float) -> None:
        """Remove what interrupted promotions of that digest left behind.

        That is runs, logged models and versions that never became whole. What is younger than the
        lease is spared: somebody may be at work on it.
        """

    def version(self, name: str, number: str) -> ModelVersion | None:
        """Return the version of that number, if there is one."""

    def delete_version(self, version: ModelVersion) -> None:
        """Remove a version that this run made, with its files."""

    def tag_version(self, version: ModelVersion, tags: Mapping[str, str]) -> None:
        """Set tags on the version."""

    def find_version(self, name: str, digest: str) -> ModelVersion | None:
        """Return the lowest complete version that carries the digest, if there is one."""

    def create_version(
        self, name: str, folder: Path, *, digest: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Upload ``folder`` and register it as a new version of ``name``."""

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        """Write the version's files into ``folder``, which must not exist."""

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """Let the alias point to the version."""

    def by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version that the alias points to at this moment, if any."""

    def record(self, entry: LedgerEntry) -> LedgerEntry:
        """Append to the ledger, and return the entry with what the workspace adds to it."""

    def conclude(self, entry: LedgerEntry) -> None:
        """Note that what the entry says was done."""

    def ledger(self, name: str) -> list[LedgerEntry]:
        """Return the model's history, oldest first."""


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


__all__: Sequence[str] = [
    "Dealer",
    "Deployment",
    "Endpoint",
    "Launcher",
    "LedgerEntry",
    "LoggedModel",
    "Mode",
    "ModelVersion",
    "Registry",
    "Scored",
    "Scorer",
    "Tracker",
]
