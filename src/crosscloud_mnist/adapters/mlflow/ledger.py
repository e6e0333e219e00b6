"""The ledger: an experiment in which every run is one entry, chained by hashes and anchored.

An entry's tags are written when its run is created and never again; the run ends when what it says
was done. Changing an entry changes its hash, and removing one breaks the chain. The last hash is
also a tag of the registered model, so that rewriting the chain, or adding to it, is detected too.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.mlflow.base_versions import get_or_none
from crosscloud_mnist.adapters.mlflow.ledger_chain import (
    HEAD_TAG,
    Anchor,
    find_heads,
    hash_entry,
    verify_and_order,
)
from crosscloud_mnist.adapters.mlflow.pages import read_pages
from crosscloud_mnist.errors import RegistryError, VerificationError
from crosscloud_mnist.ports import LedgerEntry

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider
    from crosscloud_mnist.adapters.mlflow.experiments import Experiments

_TAG = "ledger."
_ANNOUNCED_TAG = "ledger_announced"
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
_PAGE_SIZE = 1000
# A search may not list yet what another process wrote: Databricks' searches are up to date after
# about a second.
_READS, _PAUSE_SECONDS = 5, 0.5


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
        self._run_ids: dict[str, str] = {}  # by the hash of each entry that this process wrote

    def append_entry(self, entry: LedgerEntry) -> LedgerEntry:
        """Append the entry with its actor, timestamp and hashes: see ``ports.Ledger``.

        The entry's hash is announced before the entry is written, and anchored after: an entry
        whose writer was killed in between is not taken for an inserted one.
        """
        with self._clients.registry_client(changes=entry.name) as client:
            entry = replace(
                entry,
                actor=self._clients.user(),
                timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
                previous_hash=" ".join(find_heads(self._read(client, entry.name))),
                completed=False,
            )
            entry = replace(entry, hash=hash_entry(entry))
            _set_tag(client, entry.name, _ANNOUNCED_TAG, entry.hash)
            tags = {
                _TAG + name: value for name, value in asdict(entry).items() if name != "completed"
            }
            run = client.create_run(
                self._experiments.get_id(client, self._experiment),
                tags=tags,
                run_name=f"{entry.action} {entry.version}",
            )
            self._run_ids[entry.hash] = run.info.run_id
            self._anchor(client, entry)
        return entry

    def complete_entry(self, entry: LedgerEntry) -> None:
        """End the entry's run.

        Raises:
            RegistryError: The ledger does not hold it.
        """
        with self._clients.registry_client() as client:
            run_id = self._run_ids.get(entry.hash) or self._find_run_id(client, entry)
            client.set_terminated(run_id)

    def ledger(self, name: str) -> list[LedgerEntry]:
        """Return the model's entries, oldest first: see ``ports.Ledger``."""
        with self._clients.registry_client() as client:
            return self._read(client, name)

    def _read(self, client: MlflowClient, name: str) -> list[LedgerEntry]:
        """Return the verified entries; read again where another promotion may have written one."""
        for _ in range(_READS - 1):
            try:
                return self._read_once(client, name)
            except VerificationError:
                time.sleep(_PAUSE_SECONDS)
        return self._read_once(client, name)

    def _read_once(self, client: MlflowClient, name: str) -> list[LedgerEntry]:
        entries = self._load_entries(client, name)
        model = get_or_none(lambda: client.get_registered_model(name), _ABSENT)
        if entries and model is None:
            raise RegistryError(
                f"the ledger of {self._clients.workspace()} has {len(entries)} entries of {name}, "
                f"but no registered model of that name can be read, expected to read it: grant "
                f"{self._clients.user()} what docs/permissions.md lists; if the model was deleted, "
                "set production.name to a new one"
            )
        tags = model.tags if model else {}
        anchor = Anchor(tuple(tags.get(HEAD_TAG, "").split()), tags.get(_ANNOUNCED_TAG, ""))
        return verify_and_order(entries, anchor)

    def _anchor(self, client: MlflowClient, entry: LedgerEntry) -> None:
        """Write the heads to the registered model.

        Two promotions at once may each overwrite the other's heads: so the one that wrote last must
        see, after its write, that no entry is missing in what it wrote.
        """
        anchored: tuple[str, ...] = ()
        while True:
            heads = find_heads([*self._load_entries(client, entry.name), entry])
            if heads == anchored:
                return
            _set_tag(client, entry.name, HEAD_TAG, " ".join(heads))
            anchored = heads

    def _load_entries(self, client: MlflowClient, name: str) -> list[LedgerEntry]:
        return [_to_entry(run) for run in self._search(client, "name", name)]

    def _find_run_id(self, client: MlflowClient, entry: LedgerEntry) -> str:
        """Return the run of an entry that another process wrote."""
        runs = self._search(client, "hash", entry.hash)
        if not runs:
            raise RegistryError(
                f"the ledger has no entry {entry.hash}, expected one about {entry.name} "
                f"{entry.version}; look at the experiment {self._experiment}: somebody removed it"
            )
        return str(runs[0].info.run_id)

    def _search(self, client: MlflowClient, field: str, value: str) -> list[Run]:
        experiment_id = self._experiments.get_id(client, self._experiment)
        return list(
            read_pages(
                lambda token: client.search_runs(
                    [experiment_id],
                    f"tags.`{_TAG}{field}` = '{value}'",
                    max_results=_PAGE_SIZE,
                    page_token=token,
                )
            )
        )


def _set_tag(client: MlflowClient, name: str, key: str, value: str) -> None:
    """Set a tag of the registered model, twice if need be: two first writes at once collide."""
    from mlflow.exceptions import MlflowException

    try:
        client.set_registered_model_tag(name, key, value)
    except MlflowException:
        client.set_registered_model_tag(name, key, value)


def _to_entry(run: Run) -> LedgerEntry:
    values = {
        name: run.data.tags.get(_TAG + name, "")
        for name in LedgerEntry.__annotations__
        if name != "completed"
    }
    return LedgerEntry(**values, completed=run.info.status == "FINISHED")
