"""What a rehearsal has shown: each row is found in what the run left, and compared."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from rehearsal.flow import ROLES, Flow
from rehearsal.options import RehearsalOptions
from rehearsal.package import site_packages
from rehearsal.state import check_tokens, find_champions

# Not on the storage, which may be what is broken.
_DOCTOR_REPORT = Path("data/08_reporting/doctor.json")


@dataclass(frozen=True)
class Row:
    """One fact.

    Attributes:
        what: What was to be shown.
        found: What the run left.
        is_shown: Whether that shows it.
    """

    what: str
    found: str
    is_shown: bool


def collect_evidence(flow: Flow, options: RehearsalOptions) -> list[Row]:
    """Return the rows of everything that the options switched on."""
    return [row for collect in _COLLECTORS for row in collect(flow, options)]


def print_evidence(rows: Sequence[Row]) -> None:
    """Print the rows as a table."""
    width = max(len(row.what) for row in rows)
    print("\nWhat was shown:")
    for row in rows:
        print(f"  {'yes' if row.is_shown else 'NO ':3}  {row.what:{width}}  {row.found}")


def _job_rows(flow: Flow, _options: RehearsalOptions) -> Iterator[Row]:
    environment = flow.job.python.parents[1]
    installed = [
        each.version
        for each in distributions(path=[str(site_packages(environment))])
        if each.metadata["Name"] == "crosscloud-mnist"
    ]
    wheel = flow.job.package.wheel.name
    yield Row(
        "tasks ran from the built wheel and the conf archive",
        f"{wheel}, {flow.job.package.conf.name}",
        len(installed) == 1 and f"-{installed[0]}-" in wheel,
    )
    left = [
        path.name
        for cloud in flow.workspaces
        for path in flow.job.working_directory(cloud).rglob("*")
        if path.is_file() and path.name != _DOCTOR_REPORT.name
    ]
    yield Row(
        "nothing but doctor's report was written into a working directory",
        ", ".join(left) or "nothing",
        not left,
    )


def _storage_rows(flow: Flow, options: RehearsalOptions) -> Iterator[Row]:
    if options.strict_storage:
        yield Row(
            "the storage had the limits of a volume",
            flow.volume.describe(),
            not _can_append(flow),
        )


def _can_append(flow: Flow) -> bool:
    """Return whether a process of a job can append to a file on the storage: it is tried."""
    probe = flow.volume.path / "probe.txt"
    probe.write_text("written once")
    ended = subprocess.run(
        [flow.job.python, "-c", "import sys; open(sys.argv[1], 'a').write('twice')", probe],
        env={**os.environ, **flow.variables},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    probe.unlink()
    return ended.returncode == 0


def _training_rows(flow: Flow, options: RehearsalOptions) -> Iterator[Row]:
    for cloud in flow.workspaces:
        reports = _report(flow, cloud, "worker_reports")
        ranks = sorted(report["rank"] for report in reports)
        accuracy = _report(flow, cloud, "evaluation")["test_accuracy"]
        yield Row(
            f"{cloud} trained on {'two slots' if options.cluster else 'one slot'}",
            f"ranks {', '.join(map(str, ranks))}; test accuracy {accuracy:.4f}",
            ranks == ([0, 1] if options.cluster else [0]) and accuracy >= 0.99,
        )
    if flow.job.cluster:
        executors = list(flow.job.cluster.folder.glob("work-*/app-*/*/stderr"))
        applications = {path.parents[1].name for path in executors}
        expected = len(flow.workspaces) + 1  # a training in each, and doctor
        yield Row(
            "training and doctor ran on the standalone cluster, on sessions that existed",
            f"{len(applications)} applications, {len(executors)} executors",
            len(applications) == expected and len(executors) >= 2 * expected,
        )


def _promotion_rows(flow: Flow, _options: RehearsalOptions) -> Iterator[Row]:
    for cloud, other in (("gcp", "azure"), ("azure", "gcp")):
        champions = find_champions(flow.workspaces[cloud])
        commits = {tags.get("git_commit") for tags in champions.values()}
        yield Row(
            f"{other} trained, {cloud} serves",
            f"champion version {', '.join(champions) or 'none'}",
            len(champions) == 1,
        )
        yield Row(
            f"the lineage in {cloud} names the commit that the job was given",
            ", ".join(str(commit)[:12] for commit in commits),
            commits == {flow.variables["GIT_COMMIT"]},
        )
        report = _report(flow, cloud, "smoke_test")
        yield Row(
            f"the smoke test in {cloud} sent the images of the wheel and the golden set",
            f"{len(report['images'])} and {len(report['golden'])}",
            report["passed"] and len(report["images"]) == 10 and len(report["golden"]) == 20,
        )


def _monitoring_rows(flow: Flow, _options: RehearsalOptions) -> Iterator[Row]:
    for cloud in flow.workspaces:
        report = _report(flow, cloud, "monitor")
        log = report["log"]
        yield Row(
            f"monitor in {cloud} read the endpoint's inference table",
            f"{log['images']:,} images in {log['requests']} requests, "
            f"{'no drift' if report['passed'] else 'drift'}",
            report["passed"] and log["images"] >= 2000,
        )


def _identity_rows(flow: Flow, options: RehearsalOptions) -> Iterator[Row]:
    if not options.federated_identity:
        return
    for cloud, workspace in flow.workspaces.items():
        tokens: dict[str, set[str | None]] = {}
        for request in workspace.requests():
            if request["principal"]:
                tokens.setdefault(request["principal"], set()).add(request["token"])
        expected = {workspace.principals[role].client_id for role in set(ROLES.values())}
        counts = {name: len(tokens.get(name, ())) for name in sorted(expected)}
        yield Row(
            f"the jobs signed in to {cloud} by ID tokens, which no secret stands behind",
            ", ".join(f"{name}: {count} access tokens" for name, count in counts.items()),
            all(counts.values()) and max(counts.values()) > 1,
        )


def _doctor_rows(flow: Flow, _options: RehearsalOptions) -> Iterator[Row]:
    report = json.loads((flow.job.working_directory("azure") / _DOCTOR_REPORT).read_text())
    yield Row(
        "doctor found nothing wrong in azure and what it reaches",
        f"{len(report['checks'])} checks, {report['failed']} failed",
        report["failed"] == 0,
    )


def _token_rows(flow: Flow, _options: RehearsalOptions) -> Iterator[Row]:
    errors = check_tokens(flow.workspaces)
    yield Row(
        "no request carried the other workspace's token",
        "; ".join(errors) or "none did",
        not errors,
    )


def _report(flow: Flow, cloud: str, name: str) -> Any:
    return json.loads((flow.storage(cloud) / "08_reporting" / f"{name}.json").read_text())


_COLLECTORS: tuple[Callable[[Flow, RehearsalOptions], Iterator[Row]], ...] = (
    _job_rows,
    _storage_rows,
    _training_rows,
    _promotion_rows,
    _monitoring_rows,
    _doctor_rows,
    _identity_rows,
    _token_rows,
)
