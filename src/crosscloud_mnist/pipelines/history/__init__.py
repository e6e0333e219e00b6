"""What was in production at any time, and why, from the ledger."""

from crosscloud_mnist.pipelines.history.pipeline import create_pipeline

__all__ = ["create_pipeline"]
