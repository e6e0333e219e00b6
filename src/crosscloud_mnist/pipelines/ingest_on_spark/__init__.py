"""Parts of IDX files to verified shards, written by Spark's executors."""

from crosscloud_mnist.pipelines.ingest_on_spark.pipeline import create_pipeline

__all__ = ["create_pipeline"]
