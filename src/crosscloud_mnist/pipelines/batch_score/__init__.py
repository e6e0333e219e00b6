"""A folder or table of images to a table of predictions, on Spark."""

from crosscloud_mnist.pipelines.batch_score.pipeline import create_pipeline

__all__ = ["create_pipeline"]
