"""A real standalone cluster: its ports and slots, and what the preflight rejects."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from crosscloud_mnist.adapters.spark.session_settings import DISCOVER_GPUS
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.training.distributed.worker_report import verify_worker_reports
from crosscloud_mnist.training.train import train

pytestmark = [pytest.mark.spark, pytest.mark.process, pytest.mark.slow]


def test_a_port_that_was_taken_in_between_is_tried_again(cluster, job, tmp_path, caplog):
    mark = tmp_path / "taken"

    def train_where_the_port_is_taken(job):
        import json
        import os
        import socket
        from contextlib import ExitStack
        from pathlib import Path

        from crosscloud_mnist.training.train import train

        with ExitStack() as stack:
            if not Path(mark).exists():
                config = json.loads(os.environ["TF_CONFIG"])
                if config["task"]["index"] == 0:
                    Path(mark).touch()
                    taken = stack.enter_context(socket.socket())
                    port = config["cluster"]["worker"][0].rpartition(":")[2]
                    taken.bind(("", int(port)))
                    taken.listen()
                    return train(job)
            return train(job)

    job = replace(job, checkpoint_dir=str(tmp_path / "records"))
    launcher = cluster.launcher()
    result = launcher.launch(train_where_the_port_is_taken, job, "custom", lambda _: None)
    assert mark.exists()
    assert "attempt 2 of 3 resumes after epoch 0" in caplog.text
    verify_worker_reports(result, job)


def test_a_grid_trains_one_model_on_each_slot_two_at_a_time(cluster, job, tmp_path):
    jobs = [
        replace(
            job,
            config=replace(job.config, steps_per_epoch=20, global_batch_size=batch),
            checkpoint_dir=str(tmp_path / str(batch)),
        )
        for batch in (32, 64, 128)
    ]
    seen = []
    results = cluster.launcher().launch_independent(
        train, jobs, lambda index, epoch: seen.append((index, epoch.epoch))
    )
    for result, own in zip(results, jobs, strict=True):
        verify_worker_reports(result, own)
        assert [report.shards for report in result.worker_reports] == [(0, 1, 2, 3)]
    assert len({result.worker_reports[0].weights_sha256 for result in results}) == 3
    assert sorted(seen) == [(index, number) for index in range(3) for number in (1, 2)]
    first = [seen.index((index, 1)) for index in range(3)]
    last = [seen.index((index, 2)) for index in range(3)]
    assert max(first[:2]) < max(last[:2]) < first[2]  # two at once, the third in the next batch


def test_another_version_of_a_library_is_named(cluster, job, executors_python):
    (site,) = executors_python.parents[1].glob("lib/python*/site-packages")
    other = site / "keras-2.4.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 2.4\n")
    (other / "RECORD").touch()
    try:
        with pytest.raises(ConfigurationError, match=r"executor on .* has keras 2\.4 \(driver: 3"):
            cluster.launcher().launch(train, job, "distributed", lambda _: None)
    finally:
        shutil.rmtree(other)


def test_libraries_that_an_executor_lacks_are_named(cluster, job, executors_python):
    """Without psutil the check cannot read the memory; it names that, too."""
    (site,) = executors_python.parents[1].glob("lib/python*/site-packages")
    hide = site / "sitecustomize.py"
    hide.write_text(
        "import importlib.metadata as metadata, sys\n"
        "find = metadata.distributions\n"
        "hidden = ('tensorflow', 'psutil')\n"
        "metadata.distributions = lambda name: () if name in hidden else find(name=name)\n"
        "sys.modules['psutil'] = None\n"
    )
    try:
        with pytest.raises(ConfigurationError, match=r"executor on .* lacks tensorflow, psutil"):
            cluster.launcher().launch(train, job, "distributed", lambda _: None)
    finally:
        hide.unlink()


def test_too_little_memory_is_named(cluster, job):
    hungry = cluster.launcher(slot_memory_bytes=10**15)
    with pytest.raises(ConfigurationError, match="of memory free for 2 slots, expected 2000000"):
        hungry.launch(train, job, "distributed", lambda _: None)


def test_the_wait_for_slots_with_a_gpu_ends(cluster, job, monkeypatch):
    monkeypatch.setattr("crosscloud_mnist.adapters.spark.session._MAX_WAIT_SECONDS", 5.0)
    with pytest.raises(ConfigurationError, match="Spark has 0 slots with a GPU, expected 2"):
        cluster.launcher(use_gpu=True).launch(train, job, "distributed", lambda _: None)


def test_spark_assigns_the_gpus_that_the_script_finds(cluster, job, tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"  # of a machine with one GPU, which TensorFlow will not find
    tool.write_text("#!/bin/sh\necho 0\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for _ in range(2):
        cluster.add_worker(
            "-Dspark.worker.resource.gpu.amount=1",
            f"-Dspark.worker.resource.gpu.discoveryScript={DISCOVER_GPUS}",
        )
    with pytest.raises(ConfigurationError, match=r"TensorFlow sees no GPU on .* \(assigned: 0\)"):
        cluster.launcher(use_gpu=True).launch(train, job, "distributed", lambda _: None)
