"""Prints the progress and the results of a run: each pipeline's ``console.py`` formats its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.pipeline.node import Node

_logger = logging.getLogger(__name__)


class ConsoleHooks:
    """Prints the model, the version, the address and the predictions as a run saves them."""

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Log which node runs."""
        _logger.info("Running node: %s", node.name)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Print the dataset, once it is on storage, if a pipeline has a formatter for its name."""
        formatters = _formatters()
        if dataset_name in formatters:
            for line in formatters[dataset_name](data):
                click.echo(line)


@cache
def _formatters() -> Mapping[str, Callable[[Any], Iterator[str]]]:
    """Return the formatters by dataset name; the pipelines are imported only for a run."""
    from crosscloud_mnist.pipelines.batch_score import console as batch_score
    from crosscloud_mnist.pipelines.deploy import console as deploy
    from crosscloud_mnist.pipelines.doctor import console as doctor
    from crosscloud_mnist.pipelines.history import console as history
    from crosscloud_mnist.pipelines.monitor import console as monitor
    from crosscloud_mnist.pipelines.register_remote import console as register_remote
    from crosscloud_mnist.pipelines.report import console as report
    from crosscloud_mnist.pipelines.rollback import console as rollback
    from crosscloud_mnist.pipelines.smoke_test import console as smoke_test
    from crosscloud_mnist.pipelines.train_distributed import console as train_distributed

    return {
        **batch_score.FORMATTERS,
        **deploy.FORMATTERS,
        **doctor.FORMATTERS,
        **history.FORMATTERS,
        **monitor.FORMATTERS,
        **register_remote.FORMATTERS,
        **report.FORMATTERS,
        **rollback.FORMATTERS,
        **smoke_test.FORMATTERS,
        **train_distributed.FORMATTERS,
    }
