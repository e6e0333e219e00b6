"""A logged model to another workspace's registry: verified, gated, copied, verified again."""

from crosscloud_mnist.pipelines.register_remote.pipeline import create_pipeline

__all__ = ["create_pipeline"]
