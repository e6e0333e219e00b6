"""What libraries say about themselves on every command is not shown.

MLflow replaces the filters of ``warnings`` while it warns, so warnings go through ``logging``, and
a filter there drops these; all others are logged as ``py.warnings``.
"""

from __future__ import annotations

import logging
import os

_NOTICES = (
    "register_new_resolver()",  # Kedro and kedro-mlflow: a name that OmegaConf 2.4 deprecates
    "Add type hints to the `predict` method",  # MLflow, of a model in kedro-mlflow
)


def hide_library_notices() -> None:
    """Hide the notices in this process and in those that it starts."""
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addFilter(_is_not_a_notice)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # it creates its database's tables
    # Where an experiment of Databricks is set: advice on tracing, which this project does not use.
    # mlflow/tracking/fluent.py:246 of MLflow 3.17 reads it.
    os.environ.setdefault("_MLFLOW_ENABLE_UC_TRACE_UPSELL", "false")


def _is_not_a_notice(record: logging.LogRecord) -> bool:
    return not any(notice in record.getMessage() for notice in _NOTICES)
