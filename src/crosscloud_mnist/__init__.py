"""Train an MNIST model on Spark, carry it to another cloud's registry, serve it and prove it."""

import os

__version__ = "0.1.0"

# MLflow and Kedro would tell their makers what is run, unless this stands before they are imported:
# https://mlflow.org/docs/latest/community/usage-tracking/. Whoever wants that sets it to false.
os.environ.setdefault("DO_NOT_TRACK", "true")
