"""``kedro run --pipelines release`` is killed at random moments; a plain rerun must succeed.

python -m rehearsal.kill_release [--kills 40] [--interrupts 20] [--seed 0]

A trial ends the command with SIGKILL, or with Ctrl-C, after a random part of the time that it
takes, on an empty production store or on one that was used before. The same command is then run
again: it must succeed, and leave one version of the bundle, which is served, one endpoint, and
nothing that a person would have to delete.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from crosscloud_mnist.bundle import Signer, digest_of
from rehearsal.project_copy import ProjectCopy
from rehearsal.release_state import ReleaseError, check_release

_TRAIN = "train_distributed.mode=single,train_distributed.settings.epochs=3"
_RELEASE = (
    *("run", "--pipelines", "release", "--params"),
    "register_remote.minimum_accuracy=0.5,register_remote.orphan_ttl_seconds=0,"
    "smoke_test.expect=none",  # three epochs on the UCI digits read some samples wrongly
)
_END_SECONDS = 60  # within which an interrupted run must have ended


@dataclass
class Trials:
    """Trials in one project.

    Attributes:
        project: The project, with a trained model.
        trained: A copy of its data as training left it.
        duration: Seconds that an undisturbed release takes.
        random: Chooses the moments.
    """

    project: ProjectCopy
    trained: Path
    duration: float
    random: random.Random

    def run(self, end: Callable[[subprocess.Popen[str]], None], *, is_used: bool) -> str:
        """Run one trial; return when the command was ended.

        Args:
            end: Ends the command.
            is_used: Whether the production store has versions already.

        Raises:
            ReleaseError: The rerun failed, or left something behind.
        """
        if is_used:
            _call(_retrain, self.project)
        else:
            reset(self.project, self.trained)
        delay = self.random.uniform(0, self.duration)
        process = self.project.start(*_RELEASE)
        try:
            process.communicate(timeout=delay)
            moment = "completed before the end came"
        except subprocess.TimeoutExpired:
            end(process)
            moment = f"ended after {delay:5.1f} s"
        try:
            output, _ = process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ReleaseError(f"{moment}, and still running {_END_SECONDS} s later") from None
        if _was_starting(output):
            moment += ", while Python was starting or importing Kedro"
        elif "Traceback" in output:
            raise ReleaseError(f"{moment} with a traceback: {_last_lines(output)}")
        status, output = self.project.run(*_RELEASE)
        if status:
            raise ReleaseError(f"{moment}; the rerun failed: {_last_lines(output)}")
        _call(check_release, self.project)
        return moment


def _was_starting(output: str) -> bool:
    """Whether Python itself reports the interrupt: no command had begun and logged anything.

    How it does depends on what it was importing: itself, the packages' paths or Kedro.
    """
    return "INFO" not in output and output.rstrip().endswith("KeyboardInterrupt")


def main() -> int:
    """Run the trials and print each."""
    parser = argparse.ArgumentParser(prog="rehearsal.kill_release", description=__doc__)
    parser.add_argument("--kills", type=int, default=40, help="trials that end with SIGKILL")
    parser.add_argument("--interrupts", type=int, default=20, help="trials that end with Ctrl-C")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = ProjectCopy.create(Path(folder) / "project")
        try:
            trials = _prepare(project, Path(folder) / "trained", arguments.seed)
            ends = [("SIGKILL", _kill)] * arguments.kills
            ends += [("Ctrl-C", _interrupt)] * arguments.interrupts
            failures = sum(_try(trials, *end, number) for number, end in enumerate(ends))
        finally:
            project.stop_endpoint()
            for process in project.root_processes():
                process.kill()
    print(f"{len(ends)} trials, {failures} failed")
    return 1 if failures else 0


def reset(project: ProjectCopy, trained: Path) -> None:
    """Take the project back to the state after training."""
    project.stop_endpoint()
    shutil.rmtree(project.data)
    shutil.copytree(trained, project.data)


def _prepare(project: ProjectCopy, trained: Path, seed: int) -> Trials:
    print("training ...", flush=True)
    _run(project, "run", "--pipelines", "train", "--params", _TRAIN)
    shutil.copytree(project.data, trained)
    started = time.monotonic()
    _run(project, *_RELEASE)
    duration = time.monotonic() - started
    _call(check_release, project)
    print(f"an undisturbed release takes {duration:.0f} s", flush=True)
    return Trials(project, trained, duration, random.Random(seed))  # noqa: S311


def _call(function: Callable[[ProjectCopy], None], project: ProjectCopy) -> None:
    """Call the function in a new process: MLflow keeps connections to stores that were replaced."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(function, project).result()


def _run(project: ProjectCopy, *command: str) -> None:
    status, output = project.run(*command)
    if status:
        raise SystemExit(f"kedro {' '.join(command)} failed: {_last_lines(output)}")


def _retrain(project: ProjectCopy) -> None:
    """Log another bundle, with the same predictions, as the last trained model."""
    bundle = project.data / "06_models" / "bundle"
    card = bundle / "artifacts" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"source": str(time.time_ns())}))
    (bundle / "model.sig").unlink()
    keys = project.data / "keys"
    Signer(str(keys / "signing.pem"), str(keys / "signing.pub")).sign(bundle)
    client = project.client("sandbox")
    path = project.data / "06_models" / "model_uri.txt"
    model = client.get_logged_model(path.read_text().strip().removeprefix("models:/"))
    tags = {**model.tags, "bundle_digest": digest_of(bundle)}
    created = client.create_logged_model(
        model.experiment_id, name=model.name, source_run_id=model.source_run_id, tags=tags
    )
    client.log_model_artifacts(created.model_id, str(bundle))
    client.finalize_logged_model(created.model_id, "READY")
    path.write_text(f"models:/{created.model_id}\n")


def _try(
    trials: Trials, name: str, end: Callable[[subprocess.Popen[str]], None], number: int
) -> bool:
    """Run one trial and print it; return whether it failed."""
    is_used = bool(number % 2)
    store = "used store" if is_used else "fresh store"
    try:
        result, failed = trials.run(end, is_used=is_used), False
    except ReleaseError as error:
        result, failed = f"FAILED: {error}", True
    print(f"{number + 1:3}  {name:7}  {store:11}  {result}", flush=True)
    return failed


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()


def _interrupt(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)  # to the whole group, as a terminal does


def _last_lines(output: str) -> str:
    return " | ".join(output.strip().splitlines()[-5:])


if __name__ == "__main__":
    sys.exit(main())
