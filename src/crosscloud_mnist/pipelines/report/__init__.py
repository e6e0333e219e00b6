"""One self-contained page about a release: its data, training, evaluation, gates and model card."""

from crosscloud_mnist.pipelines.report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
