"""Everything that this project relies on, checked where it runs."""

from crosscloud_mnist.pipelines.doctor.pipeline import create_pipeline

__all__ = ["create_pipeline"]
