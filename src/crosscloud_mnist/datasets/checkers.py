"""How ``doctor`` receives its checkers: none of them can fail the run before it has checked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from crosscloud_mnist.datasets.port import build_adapter
from crosscloud_mnist.isolation.check_runner import Step, call_with_timeout, run_steps
from crosscloud_mnist.ports import Check, Checker
from crosscloud_mnist.redaction import mask_uris_in

logger = logging.getLogger(__name__)


class CheckersDataset(AbstractDataset[NoReturn, dict[str, Checker]]):
    """Loads several checkers by name, in order. Each is built only when it is called.

    A checker that cannot be built, raises, or takes too long becomes a failed check.

    Example, in YAML:

    .. code-block:: yaml

        checkers:
          type: crosscloud_mnist.datasets.checkers.CheckersDataset
          timeout_seconds: 60
          checkers:
            environment:
              adapter: crosscloud_mnist.adapters.local.checks.EnvironmentChecks
              options: {required_env: [[DATABRICKS_HOST]]}
              credentials: signing

    and in Python:

    .. code-block:: pycon

        >>> from crosscloud_mnist.datasets.checkers import CheckersDataset
        >>> checkers = CheckersDataset(checkers={"other": {"adapter": "no.such"}}).load()
        >>> [check.status for check in checkers["other"].check([])]
        ['failed']

    Args:
        checkers: For each, in order, what a ``PortDataset`` has: ``adapter``, ``options`` and
            ``credentials``.
        timeout_seconds: How long a checker may take; one that needs less says so itself.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        checkers: dict[str, dict[str, Any]],
        timeout_seconds: float = 100,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._checkers = checkers
        self._timeout_seconds = timeout_seconds
        self.metadata = metadata

    def load(self) -> dict[str, Checker]:
        """Return the checkers; nothing is imported or connected yet."""
        return {
            name: _GuardedChecker(name, arguments, self._timeout_seconds)
            for name, arguments in self._checkers.items()
        }

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Raise: there is nothing to save.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(
            "checkers only load; expected no node that saves to them: remove them from the node's "
            "outputs"
        )

    def _describe(self) -> dict[str, Any]:
        return {name: arguments["adapter"] for name, arguments in self._checkers.items()}

    def _init_config(self) -> dict[str, Any]:
        """Return what ``kedro catalog`` prints: no credentials, and URIs without passwords."""
        config: dict[str, Any] = mask_uris_in(super()._init_config())
        shown = {
            name: {key: value for key, value in arguments.items() if key != "credentials"}
            for name, arguments in config["checkers"].items()
        }
        return {**config, "checkers": shown}


class _GuardedChecker:
    """Builds a checker when it is called, and never raises."""

    def __init__(self, name: str, arguments: Mapping[str, Any], timeout_seconds: float) -> None:
        self._name, self._arguments = name, arguments
        self._timeout_seconds = timeout_seconds

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """See ``ports.Checker``."""

        def call() -> list[Check]:
            checker: Checker = build_adapter(
                self._arguments["adapter"],
                self._arguments.get("options"),
                self._arguments.get("credentials"),
            )
            return checker.check(earlier)

        try:
            return call_with_timeout(call, self._timeout_seconds)
        except Exception as error:
            logger.debug("the checker %s failed", self._name, exc_info=True)
            failure = error

        def fail() -> str:
            raise failure

        return run_steps(self._name, [Step("all checks", "a result of each", fail)], [])
