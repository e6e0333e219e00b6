"""An interrupt whose exception a library loses still ends the run."""

from __future__ import annotations

import signal

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner

from crosscloud_mnist.hooks.interrupt import InterruptHooks
from crosscloud_mnist.hooks.lost_interrupts import recorded_interrupts


class LosesExceptions:
    """As a library's object that is destroyed while the signal arrives."""

    def __init__(self, number):
        self._number = number

    def __del__(self):
        signal.raise_signal(self._number)


@pytest.fixture
def hooks():
    hooks = InterruptHooks()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job's shell ignores it
    yield hooks
    signal.signal(signal.SIGINT, before)
    hooks.on_pipeline_error()  # restores the handler of SIGTERM


def run(hooks, fetch):
    """Run ``fetch`` and a second node as the command line does; return what completed."""
    manager, completed = _create_hook_manager(), []
    manager.register(hooks)
    nodes = [
        node(lambda start: (fetch(), completed.append("fetch"), 1)[-1], "start", "a", name="fetch"),
        node(lambda a: completed.append("register"), "a", None, name="register"),
    ]
    hooks.after_context_created()
    try:
        manager.hook.before_pipeline_run(
            run_params={}, pipeline=Pipeline([]), catalog=DataCatalog()
        )
        SequentialRunner().run(
            Pipeline(nodes), DataCatalog({"start": MemoryDataset(0)}), hook_manager=manager
        )
    except KeyboardInterrupt:
        completed.append("interrupted")
    return completed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_lost_interrupt_ends_the_run_before_the_next_node(hooks, number):
    with recorded_interrupts():
        assert run(hooks, lambda: LosesExceptions(number) and None) == ["fetch", "interrupted"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_was_lost_before_the_pipeline_ends_the_command(hooks):
    with recorded_interrupts():
        LosesExceptions(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            run(hooks, lambda: None)


def test_an_interrupt_that_ended_a_run_does_not_end_the_next_one(hooks):
    assert run(hooks, lambda: signal.raise_signal(signal.SIGTERM)) == ["interrupted"]
    assert run(hooks, lambda: None) == ["fetch", "register"]


def test_the_handler_of_the_caller_stays():
    def handle(number, frame):
        pass

    before = signal.signal(signal.SIGINT, handle)
    try:
        with recorded_interrupts():
            assert signal.getsignal(signal.SIGINT) is handle
    finally:
        signal.signal(signal.SIGINT, before)
