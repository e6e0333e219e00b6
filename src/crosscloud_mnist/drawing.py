"""Matplotlib's figure, whose module is imported when one is drawn: that takes half a second.

Kedro evaluates the annotations of every node whenever a pipeline runs, so the type must be there;
at run time it is ``Any``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

__all__ = ["Figure", "create_figure"]


def create_figure(*, width: float, height: float) -> Figure:
    """Return an empty figure, whose parts are placed by constrained layout.

    Args:
        width: Inches.
        height: Inches.
    """
    from matplotlib import figure

    return figure.Figure(figsize=(width, height), layout="constrained")
