"""Kedro-Viz asks PyPI for its newest version; it has no setting that switches this off."""

from __future__ import annotations

from importlib.util import find_spec


def disable_version_check() -> None:
    """Let Kedro-Viz, if it is installed, find no newer version."""
    if find_spec("kedro_viz") is not None:
        from kedro_viz.integrations import pypi

        pypi.get_latest_version = _find_none


def _find_none() -> None:
    return None
