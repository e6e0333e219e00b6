"""The pip requirements of a bundle: every distribution that serves it, at the installed version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from crosscloud_mnist.errors import BundleError

_SERVED_WITH = ("mlflow", "onnxruntime")  # mlflow-skinny has no scoring server


def pin_requirements(names: Sequence[str] = _SERVED_WITH) -> list[str]:
    """Pin distributions and everything that they require, as installed in this environment.

    A container that is built from them has the versions with which the bundle was verified, in
    any month. There are no hashes: the installed metadata has none, and MLflow's conda manager
    fails on them (https://github.com/mlflow/mlflow/issues/4886). Markers are evaluated for this
    platform: a bundle is served on the one that it was trained on, Linux on Databricks.

    Args:
        names: What the bundle imports.

    Returns:
        ``name==version`` of each distribution, sorted. A local label (``+databricks``) is left
        out, as no index has it.

    Raises:
        BundleError: A distribution is missing, or not of the version that another one requires:
            no environment could be built from the pins.
    """
    pins: dict[str, str] = {}
    visited = set()
    remaining = [(Requirement(name), "the bundle") for name in names]
    while remaining:
        requirement, dependent = remaining.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        pins[name] = _find_version(requirement, dependent).public
        if (name, extras) not in visited:
            visited.add((name, extras))
            remaining += [(needed, name) for needed in _list_required(name, extras)]
    return [f"{name}=={version}" for name, version in sorted(pins.items())]


def _find_version(requirement: Requirement, dependent: str) -> Version:
    try:
        version = Version(metadata.version(requirement.name))
    except metadata.PackageNotFoundError:
        version = None
    if version is None or not requirement.specifier.contains(version, prereleases=True):
        raise BundleError(
            f"found {requirement.name} {version or 'not installed'}, expected "
            f"{requirement.name}{requirement.specifier}, which {dependent} requires: no endpoint "
            "could be built from this environment; run pip check and install what it names"
        )
    return version


def _list_required(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    for text in metadata.requires(name) or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement
