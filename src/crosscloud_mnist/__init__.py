"""Train an MNIST model on Spark, promote it to another cloud's registry, serve it and test it."""

import os

# Telemetry of MLflow, Kedro and ONNX Runtime is off, unless these variables are set otherwise:
# https://mlflow.org/docs/latest/community/usage-tracking/
TELEMETRY_OFF = {"DO_NOT_TRACK": "true", "ORT_DISABLE_TELEMETRY": "1"}
for _name, _value in TELEMETRY_OFF.items():
    os.environ.setdefault(_name, _value)
