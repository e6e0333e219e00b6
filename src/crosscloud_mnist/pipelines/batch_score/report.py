"""The report of ``batch_score``, as JSON in the catalog."""

from __future__ import annotations

from typing import TypedDict


class ScoringReport(TypedDict):
    """What a run scored.

    Attributes:
        model_name: The registered model.
        model_version: Its version.
        digest: Of the version's bundle.
        location: Of the images.
        scores: Folder of the predictions.
        images: Images with a row of this run, unreadable ones included.
        errors: How many of ``images`` are unreadable; their rows hold the reason.
        earlier_images: Images at the location with a row of an earlier run.
        earlier_errors: How many of those are unreadable.
        seconds: How long this run scored.
        images_per_second: Its rate; ``None`` where nothing was left to score.
    """

    model_name: str
    model_version: str
    digest: str
    location: str
    scores: str
    images: int
    errors: int
    earlier_images: int
    earlier_errors: int
    seconds: float
    images_per_second: float | None
