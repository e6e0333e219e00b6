"""Prints results for a person: each pipeline's ``console.py`` formats its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import click
from kedro.framework.hooks import hook_impl

from crosscloud_mnist.pipelines.batch_score.console import FORMATTERS as _BATCH_SCORE
from crosscloud_mnist.pipelines.deploy.console import FORMATTERS as _DEPLOY
from crosscloud_mnist.pipelines.history.console import FORMATTERS as _HISTORY
from crosscloud_mnist.pipelines.monitor.console import FORMATTERS as _MONITOR
from crosscloud_mnist.pipelines.register_remote.console import FORMATTERS as _REGISTER_REMOTE
from crosscloud_mnist.pipelines.rollback.console import FORMATTERS as _ROLLBACK
from crosscloud_mnist.pipelines.smoke_test.console import FORMATTERS as _SMOKE_TEST
from crosscloud_mnist.pipelines.train_distributed.console import FORMATTERS as _TRAIN_DISTRIBUTED

_FORMATTERS: dict[str, Callable[[Any], Iterator[str]]] = {
    **_BATCH_SCORE,
    **_DEPLOY,
    **_HISTORY,
    **_MONITOR,
    **_REGISTER_REMOTE,
    **_ROLLBACK,
    **_SMOKE_TEST,
    **_TRAIN_DISTRIBUTED,
}


class ConsoleHooks:
    """Prints the model, the version, the address and the predictions as a run saves them."""

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Print the dataset, once it is on storage, if a pipeline has a formatter for its name."""
        if dataset_name in _FORMATTERS:
            for line in _FORMATTERS[dataset_name](data):
                click.echo(line)
