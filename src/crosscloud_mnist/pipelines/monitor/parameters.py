"""The parameters of ``monitor``."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MonitorParameters:
    """The parameters ``monitor``.

    Attributes:
        threshold: The population stability index that counts as drift.
        minimum_images: The fewest images that a verdict may rest on.
        require_minimum_images: Whether fewer images fail the run. Otherwise the report says that
            there is no verdict, as after a release that nobody has called yet.
    """

    threshold: Annotated[float, Gt(0)]
    minimum_images: Annotated[int, Gt(0)]
    require_minimum_images: bool
