"""Four deliveries: a good one, a faulty commit, a failed smoke test, and a failed monitor.

python -m rehearsal.delivery_flow
"""

from __future__ import annotations

import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rehearsal.delivery import Delivery
from rehearsal.delivery_figures import describe_monitoring, read_accuracies, read_ledger
from rehearsal.delivery_setup import storage
from rehearsal.evidence import Row, print_evidence
from rehearsal.github_workflow import JobRun
from rehearsal.identity_provider import IdentityProvider
from rehearsal.package import provide_package
from rehearsal.production_traffic import read_test_set, send_images

_BAKES = 'sleep "$BAKE_TIME"'
_SMOKE_TEST, _ROLLBACK = "--only smoke_test", "--target gcp rollback"
_READS = "pipelines/ingest_mnist/nodes.py"
_INVERTED = "return (255 - images).reshape"
_RECIPES = "conf/base/parameters_recipes.yml"
_MAX_MESSAGE_CHARACTERS = 200
# Accuracies: by how much two trainings of seconds differ, and more than a model of inverted images
# reaches on others.
_MAX_LOSS, _MAX_FOR_CALLERS = 0.02, 0.5
_PROMOTED, _ROLLED_BACK = ("promoted", "2"), ("rolled back", "1")


def main() -> int:
    """Rehearse the deliveries; return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # runs the finally blocks
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="crosscloud-mnist-delivery-") as folder,
        IdentityProvider.running() as identity_provider,
        Delivery.prepared(
            Path(folder), identity_provider, provide_package(Path(folder) / "package")
        ) as delivery,
    ):
        rows = []
        for row in rehearse_deliveries(delivery):
            rows.append(row)
            print(f"{row.what}: {row.found}", flush=True)
            if not row.is_shown:
                print(_printed(delivery.runs[-1]), flush=True)
                break
    print_evidence(rows)
    print(f"\nRehearsed {len(delivery.runs)} deliveries in {time.monotonic() - started:.0f} s.")
    return 0 if all(row.is_shown for row in rows) else 1


def rehearse_deliveries(delivery: Delivery) -> Iterator[Row]:
    """Run them in order: each starts from what the one before has left, so one must be shown."""
    delivery.before = {"validate --target gcp": delivery.approve}
    yield from _deliver_good_model(delivery)
    yield from _stop_faulty_commit(delivery)
    yield from _roll_back_failed_smoke_test(delivery)
    yield from _roll_back_drift(delivery)
    yield _read_moves(delivery)


def _deliver_good_model(delivery: Delivery) -> Iterator[Row]:
    delivery.before[_BAKES] = lambda: _send(delivery, is_inverted=False)
    runs = delivery.run()
    outcomes = _outcomes(runs, "production")
    yield Row(
        "a good model is delivered: azure, staging, approval, gcp, monitor",
        f"{_describe(runs)}; {len(delivery.production_requests())} requests of production's "
        f"identities; {_monitoring(delivery)}; champion {delivery.champion()}",
        _are(runs, train=True, staging=True, production=True)
        and outcomes[-2:] == ["skipped", "success"]
        and delivery.is_served("1"),
    )


def _stop_faulty_commit(delivery: Delivery) -> Iterator[Row]:
    """A commit inverts the images that are read: those that the model is tested on, too."""
    trained = storage(delivery.folder, "train")
    callers = read_test_set(trained)
    good, seen = read_accuracies(trained, *callers), len(delivery.production_requests())
    delivery.change_package(_READS, "return images.reshape", _INVERTED)
    runs = delivery.run()
    delivery.change_package(_READS, _INVERTED, "return images.reshape")
    sent = len(delivery.production_requests()) - seen
    inverted = read_accuracies(trained, *callers)
    yield Row(
        "a model of inverted images looks as good in training, and fails on what callers send",
        f"{inverted}; before: {good}",
        inverted.reported >= good.reported - _MAX_LOSS
        and inverted.for_callers <= _MAX_FOR_CALLERS < good.for_callers,
    )
    yield Row(
        "a commit that inverts the images passes training, and is stopped in staging",
        f"{_describe(runs)}; {_message(runs, 'staging')}",
        _are(runs, train=True, staging=False) and "production" not in runs,
    )
    yield Row(
        "production saw nothing of it",
        f"{sent} requests of its identities; champion {delivery.champion()}",
        sent == 0 and delivery.is_served("1"),
    )


def _roll_back_failed_smoke_test(delivery: Delivery) -> Iterator[Row]:
    """Another good model; but production's endpoint rejects those who call the new version."""
    delivery.change_source(_RECIPES, "seed: 0", "seed: 1")
    delivery.before |= {_SMOKE_TEST: delivery.reject_callers, _ROLLBACK: delivery.accept_callers}
    runs = delivery.run()
    del delivery.before[_SMOKE_TEST], delivery.before[_ROLLBACK]
    yield Row(
        "a smoke test that fails in production is followed by a rollback",
        f"{_describe(runs)}; {_message(runs, 'production')}; champion {delivery.champion()}",
        _outcomes(runs, "production")[-5:]
        == ["failure", "skipped", "skipped", "success", "skipped"]
        and delivery.is_served("1"),
    )


def _roll_back_drift(delivery: Delivery) -> Iterator[Row]:
    """The failed job is run again: the smoke test passes, but callers send other images."""
    delivery.before[_BAKES] = lambda: _send(delivery, is_inverted=True)
    before = delivery.runs[-1]
    runs = delivery.run(
        ("production",), finished={k: v for k, v in before.items() if k != "production"}
    )
    yield Row(
        "a monitor that fails after the release is followed by a rollback",
        f"{_describe(runs)}; {_message(runs, 'production')}; {_monitoring(delivery)}; champion "
        f"{delivery.champion()}",
        _outcomes(runs, "production")[-5:]
        == ["success", "success", "failure", "success", "skipped"]
        and delivery.is_served("1"),
    )


def _read_moves(delivery: Delivery) -> Row:
    entries = read_ledger(delivery.workspaces["gcp"])
    moves = [(entry.action, entry.version) for entry in entries]
    return Row(
        "production's ledger holds every move of the champion, and why",
        "; ".join(
            f"{entry.action} {entry.version}"
            + (f" ({entry.reason})" if entry.action == "rolled back" else "")
            for entry in entries
        ),
        moves == [("promoted", "1"), _PROMOTED, _ROLLED_BACK, _PROMOTED, _ROLLED_BACK]
        and all(entry.completed for entry in entries),
    )


def _send(delivery: Delivery, *, is_inverted: bool) -> None:
    images, _ = read_test_set(storage(delivery.folder, "train"))
    send_images(delivery.workspaces["gcp"], 255 - images if is_inverted else images)


def _monitoring(delivery: Delivery) -> str:
    return describe_monitoring(storage(delivery.folder, "deploy"))


def _outcomes(runs: Mapping[str, JobRun], job: str) -> Sequence[str]:
    return list(runs[job].outcomes.values()) if job in runs else ()


def _are(runs: Mapping[str, JobRun], **expected: bool) -> bool:
    return all(name in runs and runs[name].passed == passed for name, passed in expected.items())


def _describe(runs: Mapping[str, JobRun]) -> str:
    return ", ".join(
        f"{name} {'passed' if run.passed else 'failed'} ({run.seconds:.0f} s)"
        for name, run in runs.items()
    )


def _message(runs: Mapping[str, JobRun], job: str) -> str:
    """Return the first message with which a task of a job failed."""
    printed = runs[job].printed.splitlines() if job in runs else []
    messages = (line for line in printed if line.startswith("Error: "))
    message = next(messages, "no message").partition(" (traceback")[0]
    return textwrap.shorten(message, _MAX_MESSAGE_CHARACTERS, placeholder=" ...")


def _printed(runs: Mapping[str, JobRun]) -> str:
    return "\n".join(run.printed for run in runs.values())


if __name__ == "__main__":
    sys.exit(main())
