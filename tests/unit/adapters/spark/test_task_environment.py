"""A task has its environment variables before TensorFlow is imported there."""

from __future__ import annotations

import os
import pickle

from crosscloud_mnist.adapters.spark.task_environment import TrainInEnvironment


def test_the_variables_are_set_when_a_task_unpickles_the_function(monkeypatch):
    monkeypatch.delenv("FIRST", raising=False)
    monkeypatch.setenv("SECOND", "of the executor")
    content = pickle.dumps(TrainInEnvironment(id, {"FIRST": "new", "SECOND": "new"}))
    assert "FIRST" not in os.environ
    train = pickle.loads(content)
    assert (os.environ["FIRST"], os.environ["SECOND"]) == ("new", "of the executor")
    assert train(os) == id(os)
    assert pickle.loads(pickle.dumps(train)) == train
    monkeypatch.delenv("FIRST")
