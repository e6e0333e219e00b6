"""What a run prints for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
from kedro.framework.hooks import hook_impl


class ConsoleHooks:
    """Prints what a person wants of a run: the model, the version, the address, the answers."""

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Print the datum when it is one of these, after it is safe on storage."""
        if dataset_name in _PRINTED:
            for line in _PRINTED[dataset_name](data):
                click.echo(line)


def _training_proofs(worker_reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for proof in worker_reports:
        yield (
            f"Rank {proof['rank']}: shards {', '.join(map(str, proof['shards']))}, "
            f"{proof['images']:,} images, weights {proof['weights_sha256'][:12]}"
        )


def _model_uri(uri: str) -> Iterator[str]:
    yield f"Logged model: {uri}"


def _registered_model(model: Mapping[str, Any]) -> Iterator[str]:
    known = "" if model["created"] else " (the bundle was registered there already)"
    yield (
        f"Registered version: {model['name']} {model['version']} in {model['workspace']}, "
        f"alias {model['alias']}{known}"
    )


def _rolled_back(done: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Rolled back: {done['name']} {done['previous_version']} to {done['version']} in "
        f"{done['workspace']}, because {done['reason']}"
    )


def _ledger(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        done = "" if entry["completed"] else " (interrupted)"
        yield (
            f"{entry['timestamp']}  {entry['actor']}  {entry['action']} {entry['version']} "
            f"(before: {entry['previous_version'] or 'none'}){done}: {entry['reason']}"
        )


def _deployment(deployment: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Endpoint: {deployment['endpoint']} serves {deployment['name']} "
        f"{deployment['model_version']}"
    )


def _smoke_test(report: Mapping[str, Any]) -> Iterator[str]:
    rows = report["golden"] + report["images"]
    width = max((len(row["file"]) for row in rows), default=0)
    yield f"{'image':{width}}  expected  answer  probability"
    for row in rows:
        expected = "-" if row["expected"] is None else row["expected"]
        if row["error"]:
            yield f"{row['file']:{width}}  {expected:>8}  {row['error']}"
            continue
        verdict = "" if row["expected"] in (None, row["predicted"]) else "  WRONG"
        yield (
            f"{row['file']:{width}}  {expected:>8}  {row['predicted']:>6}  "
            f"{row['probability']:>11.4f}{verdict}"
        )
    for row in report["endpoints"]:
        state = f"version {row['model_version']}" if row["healthy"] else "DOWN"
        yield f"{row['cloud']}: {state}"
    yield f"Smoke test of {report['endpoint']}: {'passed' if report['passed'] else 'FAILED'}"


def _batch(report: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Scored {report['images']:,} images ({report['errors']:,} that cannot be read) with "
        f"{report['model_name']} {report['model_version']}; all answers: {report['scores']}"
    )


def _monitor(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'statistic':14}  {'PSI':>7}  {'limit':>5}"
    for row in report["inputs"] + report["predictions"]:
        verdict = "  DRIFTED" if row["drifted"] else ""
        yield f"{row['statistic']:14}  {row['psi']:7.3f}  {row['limit']:5.2f}{verdict}"
    verdict = "no drift" if report["passed"] else "DRIFT"
    yield f"Monitor of {report['log']['images']:,} images: {verdict}"


_PRINTED: dict[str, Callable[[Any], Iterator[str]]] = {
    "worker_reports": _training_proofs,
    "model_uri": _model_uri,
    "registered_model": _registered_model,
    "rollback_result": _rolled_back,
    "ledger": _ledger,
    "deployment": _deployment,
    "smoke_test_report": _smoke_test,
    "batch_report": _batch,
    "monitor_report": _monitor,
}
