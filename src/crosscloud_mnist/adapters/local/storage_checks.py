"""Checks of the storage folder, from the driver and from a process like a workspace's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from crosscloud_mnist.isolation.check_runner import Step, run_steps
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.isolation.process_config import ProcessConfig
from crosscloud_mnist.ports import Check, volume_checks
from crosscloud_mnist.storage.probe import (
    EXPECTED,
    check_required,
    describe_optional,
    probe,
    shared_file,
)


class StorageChecks:
    """Checks what this project does with files of the storage: see ``ports.Checker``.

    Args:
        storage: The storage folder.
    """

    def __init__(self, *, storage: str) -> None:
        self._storage = storage

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return the checks of the storage."""
        process = IsolatedAdapter(f"{__name__}.StorageProbe", {}, {})
        steps = [
            *self._steps("driver", probe, volume_checks(earlier)),
            *self._steps("workspace's process", process.probe, ["driver"]),
        ]
        return run_steps("storage", steps, earlier)

    def _steps(
        self, place: str, run: Callable[[str], dict[str, str]], requires: Sequence[str]
    ) -> list[Step]:
        results: dict[str, str] = {}

        def check() -> str:
            with shared_file(self._storage) as shared:
                results.update(run(shared))
            return check_required(self._storage, results)

        return [
            Step(place, EXPECTED, check, requires),
            Step(
                f"{place}, optional",
                "not needed",
                lambda: describe_optional(results),
                requires=[place],
                is_required=False,
            ),
        ]


class StorageProbe:
    """Probes a folder in a process of its own: other environment, other session, no home folder."""

    @staticmethod
    def process_config(
        options: Mapping[str, object], credentials: Mapping[str, object]
    ) -> ProcessConfig:
        """Return what the process is given: see ``ProcessConfig``."""
        return ProcessConfig(options, {name: str(each) for name, each in credentials.items()})

    def probe(self, shared: str) -> dict[str, str]:
        """Try every operation beside the shared file: see ``storage.probe``."""
        return probe(shared)
