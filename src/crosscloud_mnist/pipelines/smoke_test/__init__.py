"""Images sent to the endpoints, and their predictions compared with what is expected."""

from crosscloud_mnist.pipelines.smoke_test.pipeline import create_pipeline

__all__ = ["create_pipeline"]
