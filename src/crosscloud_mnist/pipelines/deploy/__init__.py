"""The version that the alias points to, to a REST endpoint that serves it."""

from crosscloud_mnist.pipelines.deploy.pipeline import create_pipeline

__all__ = ["create_pipeline"]
