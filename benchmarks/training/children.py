"""Runs measurements in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from benchmarks.training.data import PROJECT

_TIMEOUT_SECONDS = 3600
_OURS_ALONE = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def measured(name: str, **arguments: Any) -> dict[str, Any]:
    """Return what ``benchmarks.training.measure`` returns for one measurement.

    Raises:
        RuntimeError: The measurement failed.
    """
    if name == "ours":
        arguments["started"] = time.time()
    # The case gets TensorFlow as it is out of the box; ours turns on what it turns on by itself.
    environment = {key: value for key, value in os.environ.items() if key not in _OURS_ALONE}
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.training.measure", name, json.dumps(arguments)],
        cwd=PROJECT,
        env={**environment, "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"{name} {arguments} failed:\n{ended.stderr[-4000:]}")
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return result
