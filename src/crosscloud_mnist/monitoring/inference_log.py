"""An inference log, in the columns of Databricks' inference tables, to images and answers.

https://docs.databricks.com/aws/en/ai-gateway/inference-tables: one row for each request, what was
sent and answered as JSON text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Logged:
    """What a log holds.

    Attributes:
        images: [n, 28, 28], uint8.
        probabilities: [n, 10], float64.
        requests: Rows of the log.
        refused: Rows of another status than 200.
        others: Rows that another model answered: a version before, or a canary.
        unreadable: Rows of status 200 without images and their probabilities: too large to be
            logged, or of another model.
        entity: What answered.
    """

    images: NDArray[np.uint8]
    probabilities: NDArray[np.float64]
    requests: int
    refused: int
    others: int
    unreadable: int
    entity: str | None


def read_answers(log: pd.DataFrame, entity: str | None = None) -> Logged:
    """Return the images and probabilities of every request that one model answered.

    Args:
        log: At least ``status_code``, ``request``, ``response`` and ``served_entity_id``, the
            newest request first.
        entity: The model's served entity. Where the log knows none of that name, as Databricks'
            tables, whose ids say nothing, it is the one that answered last.
    """
    answered = log[log["status_code"] == 200]
    by = answered["served_entity_id"].fillna("")
    if entity not in set(by):
        entity = by.iloc[0] if len(by) else None
    own = answered[by == entity]
    texts = zip(own["request"], own["response"], strict=True)
    read = [pair for pair in (_pair(*text) for text in texts) if pair is not None]
    return Logged(
        np.concatenate([images for images, _ in read] or [np.zeros((0, 28, 28), np.uint8)]),
        np.concatenate([answers for _, answers in read] or [np.zeros((0, 10))]),
        requests=len(log),
        refused=len(log) - len(answered),
        others=len(answered) - len(own),
        unreadable=len(own) - len(read),
        entity=entity,
    )


def _pair(request: Any, response: Any) -> tuple[NDArray[np.uint8], NDArray[np.float64]] | None:
    try:
        sent, answered = json.loads(request), json.loads(response)
        rows = sent["instances"] if "instances" in sent else sent["inputs"]
        pixels = np.array(rows, dtype=np.float64).reshape(-1, 28, 28)
        probabilities = np.array(answered["predictions"], dtype=np.float64).reshape(-1, 10)
    except (TypeError, ValueError, KeyError):
        return None
    if len(pixels) != len(probabilities) or not (np.isfinite(pixels).all() and len(pixels)):
        return None
    return pixels.clip(0, 255).astype(np.uint8), probabilities
