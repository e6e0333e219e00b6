"""Spark: training, ingestion and batch scoring on a cluster."""

from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
from crosscloud_mnist.adapters.spark.ingest import SparkIngestor
from crosscloud_mnist.adapters.spark.launcher import SparkLauncher

__all__ = ["SparkBatchScorer", "SparkIngestor", "SparkLauncher"]
