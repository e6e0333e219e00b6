"""What is asked and answered in production, against what the model was trained for."""

from crosscloud_mnist.pipelines.monitor.pipeline import create_pipeline

__all__ = ["create_pipeline"]
