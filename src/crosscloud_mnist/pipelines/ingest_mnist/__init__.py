"""IDX files to verified arrays, split and sharded."""

from crosscloud_mnist.pipelines.ingest_mnist.pipeline import create_pipeline

__all__ = ["create_pipeline"]
