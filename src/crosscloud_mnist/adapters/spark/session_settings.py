"""The Spark settings of a session that is created here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from crosscloud_mnist import TELEMETRY_OFF

DISCOVER_GPUS = Path(__file__).with_name("discover_gpus.sh")
TASK_GPUS = "spark.task.resource.gpu.amount"
WORKER_REUSE = "spark.python.worker.reuse"

GpuRole = Literal["driver", "executor"]  # whose GPUs Spark assigns


def build_training_settings(gpu_role: GpuRole | None) -> dict[str, str]:
    """Return the settings that training needs.

    Args:
        gpu_role: Whose GPUs are used; ``None``: MirroredStrategyRunner hides them.
    """
    return {
        "spark.app.name": "crosscloud-mnist",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",  # the epochs are shown
        # TensorFlow's collective operations can be set up once in a process.
        WORKER_REUSE: "false",
        **{f"spark.executorEnv.{name}": value for name, value in TELEMETRY_OFF.items()},
        **(_gpus(gpu_role) if gpu_role else {}),
    }


def build_loopback_settings() -> dict[str, str]:
    """Keep a local master on loopback, and its Python workers in this environment."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def _gpus(role: GpuRole) -> dict[str, str]:
    """One GPU for each task: https://spark.apache.org/docs/latest/configuration.html, resources."""
    return {
        f"spark.{role}.resource.gpu.amount": "1",
        f"spark.{role}.resource.gpu.discoveryScript": str(DISCOVER_GPUS),
        **({TASK_GPUS: "1"} if role == "executor" else {}),
    }
