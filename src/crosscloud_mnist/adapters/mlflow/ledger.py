"""The ledger: an experiment in which every run is one entry, chained by hashes.

An entry's tags are written when its run is created and never again; the run ends when what it says
was done. Changing an entry changes its hash, and removing one breaks the chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import RegistryError, VerificationError
from crosscloud_mnist.ports import LedgerEntry

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider
    from crosscloud_mnist.adapters.mlflow.experiments import Experiments

_TAG = "ledger."
_PAGE = 1000


class MlflowLedger:
    """The ledger of one workspace: see ``ports.Ledger``.

    Args:
        clients: The workspace.
        experiments: Of that workspace.
        experiment: The ledger is the experiment of this name with ``-ledger`` added.
    """

    def __init__(self, clients: ClientProvider, experiments: Experiments, experiment: str) -> None:
        self._clients, self._experiments = clients, experiments
        self._experiment = f"{experiment}-ledger"

    def append_entry(self, entry: LedgerEntry) -> LedgerEntry:
        """Append the entry with its actor, timestamp and hashes: see ``ports.Ledger``."""
        with self._clients.client() as client:
            experiment_id = self._experiments.get_id(client, self._experiment)
            entries = _chain(client, experiment_id)
            entry = replace(
                entry,
                actor=self._clients.user(),
                timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
                previous_hash=entries[-1].hash if entries else "",
                completed=False,
            )
            entry = replace(entry, hash=_hash(entry))
            tags = {
                _TAG + name: value for name, value in asdict(entry).items() if name != "completed"
            }
            client.create_run(experiment_id, tags=tags, run_name=f"{entry.action} {entry.version}")
        return entry

    def complete_entry(self, entry: LedgerEntry) -> None:
        """End the entry's run.

        Raises:
            RegistryError: The ledger does not hold it.
        """
        with self._clients.client() as client:
            experiment_id = self._experiments.get_id(client, self._experiment)
            runs = client.search_runs([experiment_id], f"tags.`{_TAG}hash` = '{entry.hash}'")
            if not runs:
                raise RegistryError(
                    f"the ledger has no entry {entry.hash}, expected the one just written; look at "
                    f"the experiment {self._experiment}: somebody removed it"
                )
            client.set_terminated(runs[0].info.run_id)

    def ledger(self, name: str) -> list[LedgerEntry]:
        """Return the model's entries, oldest first: see ``ports.Ledger``."""
        with self._clients.client() as client:
            experiment_id = self._experiments.get_id(client, self._experiment)
            return [entry for entry in _chain(client, experiment_id) if entry.name == name]


def _chain(client: MlflowClient, experiment_id: str) -> list[LedgerEntry]:
    """Return all entries, oldest first, once their hashes hold."""
    entries = list(_entries(client, experiment_id))
    known = {"", *(entry.hash for entry in entries)}
    for entry in entries:
        if entry.hash != _hash(entry) or entry.previous_hash not in known:
            raise VerificationError(
                f"the ledger's entry of {entry.timestamp} ({entry.action} {entry.name} "
                f"{entry.version}) was changed, expected an unbroken chain of hashes; "
                "somebody changed the ledger"
            )
    return entries


def _entries(client: MlflowClient, experiment_id: str) -> Iterator[LedgerEntry]:
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs(
            [experiment_id],
            max_results=_PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        runs, token = [*runs, *page], page.token
        if not token:
            break
    for run in sorted(runs, key=lambda run: str(run.data.tags.get(f"{_TAG}timestamp"))):
        tags = run.data.tags
        values = {
            name: tags.get(_TAG + name, "")
            for name in LedgerEntry.__annotations__
            if name != "completed"
        }
        yield LedgerEntry(**values, completed=run.info.status == "FINISHED")


def _hash(entry: LedgerEntry) -> str:
    content = {
        name: value for name, value in asdict(entry).items() if name not in ("hash", "completed")
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
