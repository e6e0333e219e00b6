"""A folder or table of images to a table of answers, on Spark."""

from crosscloud_mnist.pipelines.batch_score.pipeline import create_pipeline

__all__ = ["create_pipeline"]
