"""The inference log of production, compared with what the model was trained for."""

from crosscloud_mnist.pipelines.monitor.pipeline import create_pipeline

__all__ = ["create_pipeline"]
