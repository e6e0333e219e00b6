"""Training on a real standalone cluster, while its workers, executors and daemons are killed."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import mlflow
import pytest

from crosscloud_mnist.adapters.cluster import DISCOVER_GPUS
from crosscloud_mnist.adapters.spark import Launcher
from crosscloud_mnist.adapters.tracking import Tracker
from crosscloud_mnist.errors import ConfigurationError, WorkerLost
from crosscloud_mnist.training.loop import train
from crosscloud_mnist.training.proofs import verify_proofs

EPOCHS = [1, 2, 3, 4]


@pytest.fixture(scope="module")
def long_plan(plan):
    """Long enough to be disturbed in the middle of its second epoch."""
    return replace(plan, model="compact", epochs=len(EPOCHS), steps_per_epoch=100)


@pytest.fixture
def own_plan(long_plan, tmp_path):
    return replace(long_plan, records=str(tmp_path / "records"))


def launcher(cluster, **options):
    conf = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.memory": "512m",
    }
    return Launcher(master=cluster.url, slots=2, conf=conf, **options)


@pytest.fixture(scope="module")
def undisturbed(cluster, long_plan, tmp_path_factory):
    plan = replace(long_plan, records=str(tmp_path_factory.mktemp("undisturbed")))
    followed = []
    outcome = launcher(cluster).launch(train, plan, "distributed", followed.append)
    assert tuple(followed) == outcome.history
    return outcome


class Disturbance:
    """Tells MLflow of every epoch, and does something, each once, soon after some of them."""

    def __init__(self, *actions, tracker=None):
        self.seen, self._tracker = [], tracker
        self._actions = dict(zip((1, 3), actions, strict=False))

    def __call__(self, epoch):
        self.seen.append(epoch.number)
        if action := self._actions.pop(epoch.number, None):
            threading.Timer(1, action).start()
        if self._tracker:
            self._tracker.epoch(epoch)


def test_two_executors_with_only_the_wheel_train_one_model(undisturbed, long_plan):
    verify_proofs(undisturbed, long_plan)
    assert [proof.shards for proof in undisturbed.proofs] == [(0, 2), (1, 3)]


def test_training_outlives_a_killed_python_worker_and_a_killed_executor(
    cluster, own_plan, undisturbed, caplog, tmp_path
):
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    with mlflow.start_run() as run:
        disturbance = Disturbance(
            lambda: os.kill(cluster.python_workers()[-1], signal.SIGKILL),
            lambda: os.kill(cluster.executors()[0], signal.SIGKILL),
            tracker=Tracker(),
        )
        outcome = launcher(cluster).launch(train, own_plan, "distributed", disturbance)
    assert "attempt 2 of 3 goes on after epoch" in caplog.text
    assert "attempt 3 of 3 goes on after epoch" in caplog.text
    assert outcome.proofs == undisturbed.proofs
    for metric in ("loss", "val_accuracy"):
        history = mlflow.MlflowClient().get_metric_history(run.info.run_id, metric)
        assert [point.step for point in history] == EPOCHS


def test_a_worker_that_stops_and_does_not_die_ends_in_one_line(cluster, own_plan):
    stopped = []

    def stop():
        stopped.append(cluster.python_workers()[-1])
        os.kill(stopped[0], signal.SIGSTOP)

    patient = launcher(cluster, attempts=1, patience=20)
    # The watchdog ends it, or TensorFlow's own coordination service does: whichever looks first.
    noticed = "no epoch ended in 20 s, expected one|DeadlineExceededError"
    with pytest.raises(WorkerLost, match=noticed) as raised:
        patient.launch(train, own_plan, "distributed", Disturbance(stop))
    assert stopped
    assert "\n" not in str(raised.value)


def test_a_port_that_was_taken_meanwhile_is_tried_again(cluster, plan, tmp_path, caplog):
    mark = tmp_path / "taken"

    def train_where_the_port_is_taken(plan):
        import json
        import os
        import socket
        from contextlib import ExitStack
        from pathlib import Path

        from crosscloud_mnist.training.loop import train

        with ExitStack() as stack:
            if not Path(mark).exists():
                config = json.loads(os.environ["TF_CONFIG"])
                if config["task"]["index"] == 0:
                    Path(mark).touch()
                    taken = stack.enter_context(socket.socket())
                    port = config["cluster"]["worker"][0].rpartition(":")[2]
                    taken.bind(("", int(port)))
                    taken.listen()
                    return train(plan)
            return train(plan)

    plan = replace(plan, records=str(tmp_path / "records"))
    outcome = launcher(cluster).launch(
        train_where_the_port_is_taken, plan, "custom", lambda _: None
    )
    assert mark.exists()
    assert "attempt 2 of 3 goes on after epoch 0" in caplog.text
    verify_proofs(outcome, plan)


def test_a_grid_trains_one_model_on_each_slot_two_at_a_time(cluster, plan, tmp_path):
    plans = [
        replace(plan, steps_per_epoch=20, batch=batch, records=str(tmp_path / str(batch)))
        for batch in (32, 64, 128)
    ]
    seen = []
    outcomes = launcher(cluster).launch_each(
        train, plans, lambda index, epoch: seen.append((index, epoch.number))
    )
    for outcome, own in zip(outcomes, plans, strict=True):
        verify_proofs(outcome, own)
        assert [proof.shards for proof in outcome.proofs] == [(0, 1, 2, 3)]
    assert len({outcome.proofs[0].weights_sha256 for outcome in outcomes}) == 3
    assert sorted(seen) == [(index, number) for index in range(3) for number in (1, 2)]
    first = [seen.index((index, 1)) for index in range(3)]
    last = [seen.index((index, 2)) for index in range(3)]
    assert max(first[:2]) < max(last[:2]) < first[2]  # two at once, the third in the next wave


def test_a_skewed_library_is_refused_by_name(cluster, plan, executors_python):
    (site,) = executors_python.parents[1].glob("lib/python*/site-packages")
    skewed = site / "keras-2.4.dist-info"
    skewed.mkdir()
    (skewed / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 2.4\n")
    try:
        with pytest.raises(ConfigurationError, match=r"executor on .* has keras 2\.4, expected 3"):
            launcher(cluster).launch(train, plan, "distributed", lambda _: None)
    finally:
        (skewed / "METADATA").unlink()
        skewed.rmdir()


def test_too_little_memory_is_refused_by_name(cluster, plan):
    hungry = launcher(cluster, slot_memory=10**15)
    with pytest.raises(ConfigurationError, match="of memory free for 2 slots, expected 2000000"):
        hungry.launch(train, plan, "distributed", lambda _: None)


def test_a_daemon_is_killed(cluster, own_plan, undisturbed, caplog, monkeypatch):
    cluster.add_worker()
    with_a_spare = Disturbance(cluster.kill_a_busy_daemon)
    outcome = launcher(cluster).launch(train, own_plan, "distributed", with_a_spare)
    assert outcome.proofs == undisturbed.proofs
    assert with_a_spare.seen == EPOCHS
    assert "attempt 2 of 3 goes on after epoch" in caplog.text
    # Without a spare worker the documented minute is waited for another one; here a part of it,
    # in which the executor that is left may not be back either.
    monkeypatch.setattr("crosscloud_mnist.adapters.cluster._SLOTS_SECONDS", 5.0)
    without = Disturbance(lambda: cluster.kill_a_busy_daemon(whole_machine=True))
    with pytest.raises(ConfigurationError, match="Spark has [01] slots, expected 2") as raised:
        launcher(cluster).launch(train, own_plan, "distributed", without)
    assert "\n" not in str(raised.value)


def test_slots_with_a_gpu_are_waited_for_not_for_ever(cluster, plan, monkeypatch):
    monkeypatch.setattr("crosscloud_mnist.adapters.cluster._SLOTS_SECONDS", 5.0)
    with pytest.raises(ConfigurationError, match="Spark has 0 slots with a GPU, expected 2"):
        launcher(cluster, use_gpu=True).launch(train, plan, "distributed", lambda _: None)


def test_spark_assigns_the_gpus_that_the_script_finds(cluster, plan, tmp_path, monkeypatch):
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
        launcher(cluster, use_gpu=True).launch(train, plan, "distributed", lambda _: None)
