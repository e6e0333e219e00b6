"""The pipelines, with their storage on a Unity Catalog volume as the rehearsal has it.

The volume renames no file: what works here works on a volume that does, too.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from PIL import Image

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.storage import idx
from crosscloud_mnist.storage.shard_layout import IMAGES_SUFFIX, LABELS_SUFFIX
from rehearsal.volume import Volume, mounted

pytestmark = [pytest.mark.process, pytest.mark.slow]

SHORT = "train_distributed.settings.epochs=2,train_distributed.settings.steps_per_epoch=3"


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    with mounted(tmp_path_factory.mktemp("storage")) as volume:
        images = volume.path / "01_raw" / "images"
        images.mkdir(parents=True)
        stroke = np.full((120, 80), 240, np.uint8)
        stroke[20:100, 36:44] = 30
        for name in ("a-1.png", "b-1.png"):
            Image.fromarray(stroke).save(images / name)
        yield volume


@pytest.fixture(scope="module")
def run(project, volume):
    """Runs a pipeline on the volume, and returns what it printed."""
    path = project.folder / "conf" / "base" / "globals.yml"
    text = path.read_text()
    assert "storage: ${project_path:data}" in text
    path.write_text(text.replace("storage: ${project_path:data}", f"storage: {volume.path}"))

    def run_pipeline(pipeline: str, *params: str) -> str:
        arguments = ("--params", ",".join(params)) if params else ()
        ended = project.kedro("run", "--pipelines", pipeline, *arguments, **volume.variables)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run_pipeline


@pytest.fixture(scope="module")
def trained(run):
    """What a distributed training printed."""
    return run("train", "train_distributed.mode=distributed", SHORT)


def names(volume: Volume, folder: str) -> set[str]:
    return {path.name for path in (volume.path / folder).iterdir()}


def verify_bundle(project, volume: Volume) -> None:
    Verifier(str(project.data / "keys" / "signing.pub")).verify(volume.path / "06_models/bundle")


def test_distributed_training_keeps_its_data_and_its_bundle_on_a_volume(project, volume, trained):
    assert "Logged model: models:/m-" in trained
    assert "has no file locks: start one run at a time" in " ".join(trained.split())
    assert names(volume, "06_models") >= {"bundle", "weights.npz", "model_uri.txt"}
    verify_bundle(project, volume)
    assert len(names(volume, "05_model_input/training")) == 16
    hidden = {path.name for path in volume.path.rglob(".*")}
    assert hidden <= {".locks"}


@pytest.mark.usefixtures("trained")
def test_a_model_is_promoted_and_scores_images_on_a_volume(project, volume, run):
    run("register_remote", "register_remote.minimum_accuracy=0.0")
    (cached,) = (project.data / "06_models" / "bundle_cache").iterdir()  # not on the volume
    assert len(cached.name) == 64
    for scored in (2, 0):  # the second run finds the rows of the first
        run("batch_score")
        rows = pq.read_table(volume.path / "07_model_output" / "scores").num_rows
        assert rows == 2, scored


@pytest.mark.rehearsal
@pytest.mark.usefixtures("trained")
def test_the_settings_of_a_grid_are_trained_on_a_volume(project, volume, run):
    run(
        "train_distributed",
        "train_distributed.mode=custom",
        "train_distributed.settings.steps_per_epoch=2",
    )
    verify_bundle(project, volume)
    assert {"grid_comparison.json", "grid_comparison.png"} <= names(volume, "08_reporting")


@pytest.mark.rehearsal
@pytest.mark.usefixtures("trained")
def test_a_single_training_that_was_killed_on_a_volume_is_run_again(project, volume, run):
    long = "train_distributed.mode=single,train_distributed.settings.epochs=500"
    arguments = ("run", "--pipelines", "train_distributed", "--params", long)
    earlier = list_epochs(2, volume)
    with project.start(*arguments, **volume.variables) as killed:
        await_epoch(2, volume, killed, earlier)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
    run("train_distributed", "train_distributed.mode=single", SHORT)
    verify_bundle(project, volume)


@pytest.mark.rehearsal
@pytest.mark.usefixtures("trained")
def test_a_distributed_training_resumes_from_its_checkpoint_on_a_volume(project, volume):
    steps = "train_distributed.settings.epochs=4,train_distributed.settings.steps_per_epoch=30"
    params = f"train_distributed.mode=distributed,{steps}"
    arguments = ("run", "--pipelines", "train_distributed", "--params", params)
    earlier = list_epochs(2, volume)
    with project.start(*arguments, **volume.variables) as process:
        await_epoch(2, volume, process, earlier)
        python_workers(process)[-1].kill()
        output, errors = process.communicate(timeout=500)
    assert process.returncode == 0, output + errors
    assert re.search(r"attempt 2 of \d+ resumes after epoch [23]", " ".join(output.split())), output
    verify_bundle(project, volume)


def list_epochs(epoch: int, volume: Volume) -> set[Path]:
    """Return the records of an epoch, one for each run: those of failed runs stay."""
    return set((volume.path / "06_models" / "checkpoints").glob(f"*/epoch-{epoch:04d}.json"))


def await_epoch(
    epoch: int, volume: Volume, process: subprocess.Popen[str], earlier: set[Path]
) -> None:
    """Wait until the process has recorded the epoch; ``earlier`` are records of other runs."""
    deadline = time.monotonic() + 300
    while list_epochs(epoch, volume) <= earlier:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


def python_workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the Python workers of the Spark session: children of pyspark's daemon."""
    daemons = []
    for each in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended since
            if "pyspark.daemon" in each.cmdline():
                daemons.append(each)
    return [each for each in daemons if each.parent() in daemons]


def write_parts(digits, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, half in (("part-0", "train"), ("t10k", "t10k")):
        images, labels = digits[f"{half}{IMAGES_SUFFIX}"], digits[f"{half}{LABELS_SUFFIX}"]
        (folder / f"{name}{IMAGES_SUFFIX}").write_bytes(idx.encode(images))
        (folder / f"{name}{LABELS_SUFFIX}").write_bytes(idx.encode(labels))


def test_spark_ingests_to_a_volume(digits, volume, run):
    write_parts(digits, volume.path / "01_raw" / "parts")
    run("ingest_on_spark")
    assert len(names(volume, "05_model_input/training")) == 16
    assert len(names(volume, "05_model_input/test")) == 2
