"""Real images in, digits out: the proof that the endpoint answers."""

from crosscloud_mnist.pipelines.smoke_test.pipeline import create_pipeline

__all__ = ["create_pipeline"]
