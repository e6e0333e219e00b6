"""Where training runs, where its data is dealt out, and where it is tracked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
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
