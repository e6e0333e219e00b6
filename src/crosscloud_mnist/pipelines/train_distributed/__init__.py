"""Shards to a signed bundle, logged in the sandbox workspace."""

from crosscloud_mnist.pipelines.train_distributed.pipeline import create_pipeline

__all__ = ["create_pipeline"]
