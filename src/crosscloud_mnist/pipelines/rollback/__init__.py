"""Back to the version that was in production before, with a reason."""

from crosscloud_mnist.pipelines.rollback.pipeline import create_pipeline

__all__ = ["create_pipeline"]
