"""MLflow: a store or server as a workspace, and the tracking run."""

from crosscloud_mnist.adapters.mlflow.registry import MlflowRegistry
from crosscloud_mnist.adapters.mlflow.tracker import MlflowTracker

__all__ = ["MlflowRegistry", "MlflowTracker"]
