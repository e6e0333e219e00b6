"""IDX files to checked arrays, split and dealt into shards."""

from crosscloud_mnist.pipelines.ingest_mnist.pipeline import create_pipeline

__all__ = ["create_pipeline"]
