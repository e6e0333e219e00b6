"""Images and predictions from an inference log, in the columns of Databricks' inference tables.

https://docs.databricks.com/aws/en/ai-gateway/inference-tables: one row for each request; request
and response are JSON text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.contract import INPUT, Contract

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LoggedPredictions:
    """What one model predicted, and the log's other rows counted.

    Attributes:
        images: ``[n, *image_shape]``, uint8.
        probabilities: [n, classes], float64.
        requests: Rows of the log.
        rejected: Rows of another status than 200.
        other_models: Rows that another model answered: a previous version, or a canary.
        unreadable: Rows of status 200 without images and their probabilities: too large to be
            logged, or of another model.
        served_entity: The model's served entity.
    """

    images: NDArray[np.uint8]
    probabilities: NDArray[np.float64]
    requests: int
    rejected: int
    other_models: int
    unreadable: int
    served_entity: str | None


def read_predictions(
    log: pd.DataFrame, contract: Contract, served_entity: str | None = None
) -> LoggedPredictions:
    """Return the images and probabilities of every request that one model answered.

    Args:
        log: At least ``status_code``, ``request``, ``response`` and ``served_entity_id``, the
            newest request first.
        contract: What the model takes and returns.
        served_entity: The model's served entity. Where the log has none of that name (the ids in
            Databricks' tables are opaque), the one that answered last.
    """
    succeeded = log[log["status_code"] == 200]
    entities = succeeded["served_entity_id"].fillna("")
    if served_entity not in set(entities):
        served_entity = entities.iloc[0] if len(entities) else None
    own = succeeded[entities == served_entity]
    texts = zip(own["request"], own["response"], strict=True)
    pairs = [pair for pair in (_decode(*text, contract) for text in texts) if pair is not None]
    return LoggedPredictions(
        np.concatenate(
            [np.zeros((0, *contract.image_shape), np.uint8), *(images for images, _ in pairs)]
        ),
        np.concatenate([np.zeros((0, contract.class_count)), *(found for _, found in pairs)]),
        requests=len(log),
        rejected=len(log) - len(succeeded),
        other_models=len(succeeded) - len(own),
        unreadable=len(own) - len(pairs),
        served_entity=served_entity,
    )


def _decode(
    request: str | None, response: str | None, contract: Contract
) -> tuple[NDArray[np.uint8], NDArray[np.float64]] | None:
    """Return images and probabilities, or None where a row has none."""
    try:
        body, reply = json.loads(request or ""), json.loads(response or "")
        rows = body["instances"] if "instances" in body else body["inputs"]
        if isinstance(rows, dict):  # {"inputs": {"images": [...]}}
            rows = rows[INPUT]
        elif isinstance(rows[0], dict):  # {"instances": [{"images": ...}, ...]}
            rows = [row[INPUT] for row in rows]
        pixels = np.array(rows, dtype=np.float64).reshape(-1, *contract.image_shape)
        probabilities = np.array(reply["predictions"], dtype=np.float64)
        probabilities = probabilities.reshape(-1, contract.class_count)
    except (TypeError, ValueError, LookupError, OverflowError, RecursionError):
        return None
    is_finite = np.isfinite(pixels).all() and np.isfinite(probabilities).all()
    if len(pixels) != len(probabilities) or not (is_finite and len(pixels)):
        return None
    return pixels.clip(0, 255).astype(np.uint8), probabilities
