"""The processes of workspaces start before the first node runs, so that they load side by side."""

from __future__ import annotations

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

_TRAINS = "train"  # the tag of a stage that takes hours before it calls a workspace


class WorkspaceProcessHooks:
    """Starts the process of every workspace that the pipeline calls."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Start them, unless the pipeline trains: then each starts when it is first called.

        Raises:
            ConfigurationError: The credentials of a workspace are not valid.
        """
        from crosscloud_mnist.datasets.port import PortDataset

        if any(_TRAINS in node.tags for node in pipeline.nodes):
            return
        for name in sorted(pipeline.inputs()):
            dataset = catalog.get(name)
            if isinstance(dataset, PortDataset):
                dataset.start()
