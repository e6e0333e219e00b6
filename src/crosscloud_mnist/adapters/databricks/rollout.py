"""How a version gets onto an endpoint: without downtime by a canary, verified on the golden set.

A new version first gets a small share of the traffic beside the old one. Its predictions for the
golden set are verified, both on its own route and on the endpoint's. Only if all are right does it
get all of the traffic, and is verified once more. After any failure the old version gets all of the
traffic again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from crosscloud_mnist.adapters.databricks.invocations import Invocations
from crosscloud_mnist.adapters.databricks.served_entities import (
    ServedVersion,
    Split,
    largest_share,
)
from crosscloud_mnist.adapters.databricks.traffic import FULL_TRAFFIC, Traffic
from crosscloud_mnist.bundle import Golden
from crosscloud_mnist.errors import EndpointError


class Rollout:
    """Replaces what one endpoint serves.

    Args:
        traffic: The endpoint's configuration.
        invocations: Requests to the endpoint.
        translate_errors: Raises the failures of a block's requests as ``EndpointError``.
        canary_percent: Percent of the traffic that a new version gets until it is verified.
    """

    def __init__(
        self,
        traffic: Traffic,
        invocations: Invocations,
        translate_errors: Callable[[], AbstractContextManager[None]],
        canary_percent: int,
    ) -> None:
        self._traffic, self._invocations = traffic, invocations
        self._translate_errors, self._canary_percent = translate_errors, canary_percent

    def run(self, new: ServedVersion, golden: Golden) -> None:
        """Give the version all of the traffic, whatever the endpoint serves now.

        Args:
            new: The version.
            golden: The images that verify it, and the recorded predictions.

        Raises:
            EndpointError: The version failed; the error says what the endpoint serves.
        """
        split = self._traffic.get_split()
        if split is None:
            self._create(new, golden)
            return
        with self._name_outcome("nothing else was changed"):
            self._traffic.set_inference_table()
        if not split:
            self._fill(new, golden)
            return
        # As it is served: its entity may have another name than a new one would get.
        served = next((each for each in split if each == new), new)
        if split == {served: FULL_TRAFFIC}:
            with self._name_outcome("it was deployed before, and still gets all of the traffic"):
                self._invocations.verify(served, golden)
        elif largest_share(split) == served:
            self._complete(split, served, golden)
        else:
            self._replace(largest_share(split), served, golden)

    def _create(self, new: ServedVersion, golden: Golden) -> None:
        """Create the endpoint with its first version; delete it again if that is not verified."""
        # Not undone: where the request fails, the endpoint may be one that was created meanwhile.
        self._traffic.create(new)
        with self._undo_on_failure(self._traffic.delete, "the new endpoint was deleted"):
            self._traffic.wait_for_update()
            self._invocations.verify(new, golden)

    def _fill(self, new: ServedVersion, golden: Golden) -> None:
        """Serve the first version of an endpoint that exists and serves nothing.

        The service cannot empty an endpoint, and one that others created is not deleted.
        """
        with self._name_outcome("the endpoint served nothing before, and was not deleted"):
            self._traffic.set_split({new: FULL_TRAFFIC})
        with self._name_outcome(
            f"version {new.version} gets all of the traffic, as the endpoint existed before and "
            "was not deleted: delete it or deploy another version"
        ):
            self._invocations.verify(new, golden)

    def _complete(self, split: Split, new: ServedVersion, golden: Golden) -> None:
        """Give all of the traffic to a version that has most of it since an earlier deployment."""
        undo = partial(self._traffic.set_split, split)
        with self._undo_on_failure(undo, "the traffic is split as before"):
            self._invocations.verify(new, golden)
            self._traffic.set_split({new: FULL_TRAFFIC})
            self._invocations.verify(new, golden)

    def _replace(self, old: ServedVersion, new: ServedVersion, golden: Golden) -> None:
        """Replace the old version with the new one, or restore the old one."""
        undo = partial(self._traffic.set_split, {old: FULL_TRAFFIC})
        with self._undo_on_failure(undo, f"version {old.version} gets all of the traffic again"):
            self._traffic.set_split(
                {old: FULL_TRAFFIC - self._canary_percent, new: self._canary_percent}
            )
            self._invocations.verify(new, golden)
            self._invocations.sample_canary(new, golden, self._canary_percent)
            self._traffic.set_split({new: FULL_TRAFFIC})
            self._invocations.verify(new, golden)

    @contextmanager
    def _undo_on_failure(self, undo: Callable[[], None], outcome: str) -> Iterator[None]:
        """Call ``undo`` where the block fails or is interrupted, and say in the error what it did.

        Raises:
            EndpointError: The block failed; where ``undo`` failed too, the error says both.
        """
        try:
            with self._translate_errors():
                yield
        except EndpointError as error:
            try:
                with self._translate_errors():
                    undo()
            except EndpointError as undo_error:
                outcome = f"nothing could be restored ({undo_error}): look at the endpoint"
            raise EndpointError(f"{error}; {outcome}") from error
        except BaseException:
            undo()
            raise

    @contextmanager
    def _name_outcome(self, outcome: str) -> Iterator[None]:
        """Say in the block's error what the endpoint serves after it."""
        try:
            with self._translate_errors():
                yield
        except EndpointError as error:
            raise EndpointError(f"{error}; {outcome}") from error
