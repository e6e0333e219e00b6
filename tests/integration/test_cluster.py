"""Training on a real standalone cluster, while its workers, executors and daemons are killed."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import pytest

from crosscloud_mnist.adapters.spark import Launcher
from crosscloud_mnist.errors import ConfigurationError, TrainingError
from crosscloud_mnist.training.loop import train
from crosscloud_mnist.training.proofs import verify_proofs


@pytest.fixture
def long_plan(plan, tmp_path):
    """Long enough to be disturbed in the middle of its third epoch."""
    return replace(plan, epochs=4, steps_per_epoch=40, records=str(tmp_path / "records"))


def launcher(cluster, **options):
    return Launcher(
        master=cluster.url,
        slots=2,
        conf={
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executor.memory": "512m",
        },
        **options,
    )


class Disturbance:
    """Does something once, soon after the second epoch was followed."""

    def __init__(self, action):
        self.seen, self._action = [], action

    def __call__(self, epoch):
        self.seen.append(epoch.number)
        if epoch.number == 2 and self._action:
            threading.Timer(0.3, self._action).start()
            self._action = None


@pytest.mark.parametrize("mode", ["distributed", "custom"])
def test_two_executors_with_only_the_wheel_train_one_model(cluster, plan, mode):
    followed = []
    outcome = launcher(cluster).launch(train, plan, mode, followed.append)
    verify_proofs(outcome, plan)
    assert tuple(followed) == outcome.history
    assert [proof.shards for proof in outcome.proofs] == [(0, 2), (1, 3)]


def kill_a_python_worker(cluster):
    os.kill(cluster.python_workers()[-1], signal.SIGKILL)


def kill_an_executor(cluster):
    os.kill(cluster.executors()[0], signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_a_python_worker, kill_an_executor])
def test_training_outlives_what_was_killed(cluster, long_plan, kill, caplog):
    disturbance = Disturbance(lambda: kill(cluster))
    outcome = launcher(cluster).launch(train, long_plan, "distributed", disturbance)
    assert "attempt 2 of 3 goes on after epoch" in caplog.text
    verify_proofs(outcome, long_plan)
    assert disturbance.seen == [1, 2, 3, 4]  # each once, as MLflow will have them
    undisturbed = launcher(cluster).launch(train, long_plan, "distributed", lambda _: None)
    assert outcome.proofs == undisturbed.proofs


def test_without_a_second_worker_it_ends_in_one_line(cluster, long_plan, monkeypatch):
    monkeypatch.setattr("crosscloud_mnist.adapters.spark._SLOTS_SECONDS", 5.0)

    def kill_a_daemon_and_its_executor():
        daemon = cluster.processes[-1]
        for pid in cluster.executors():
            if os.getpgid(pid) == daemon.pid:
                os.kill(pid, signal.SIGKILL)
        daemon.kill()

    with pytest.raises(ConfigurationError, match="Spark has 1 slots, expected 2") as raised:
        launcher(cluster).launch(
            train, long_plan, "distributed", Disturbance(kill_a_daemon_and_its_executor)
        )
    assert "\n" not in str(raised.value)


def test_a_worker_that_dies_again_and_again_ends_it(cluster, long_plan):
    disturbance = Disturbance(lambda: kill_a_python_worker(cluster))
    with pytest.raises(TrainingError, match="a Spark task was lost") as raised:
        launcher(cluster, attempts=1).launch(train, long_plan, "distributed", disturbance)
    assert "\n" not in str(raised.value)


def test_executors_without_the_package_are_refused_by_name(cluster, plan, executors_python):
    (site,) = executors_python.parents[1].glob("lib/python*/site-packages")
    (installed,) = site.glob("crosscloud_mnist-*.dist-info")
    hidden = installed.rename(site / "hidden")
    try:
        with pytest.raises(ConfigurationError, match="has crosscloud-mnist not installed"):
            launcher(cluster).launch(train, plan, "distributed", lambda _: None)
    finally:
        hidden.rename(installed)
