"""The libraries that training needs, as the metadata of the installed wheel names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distributions, requires

from packaging.requirements import Requirement

from crosscloud_mnist.errors import ConfigurationError

PACKAGE = "crosscloud-mnist"
INSTALL = f"install the wheel there as {PACKAGE}[train]"
_EXTRAS = ("", "train")


def check_driver_libraries() -> None:
    """Check that this process has the wheel, its extra ``train``, and versions that they accept.

    The runtimes of Databricks have no TensorFlow. What converts the trained model is needed only
    at the end, after hours.

    Raises:
        ConfigurationError: A library is missing, or has a version that the wheel does not accept.
    """
    requirements = list(_requirements())
    found = {each.name: find_version(each.name) for each in requirements}
    check_none_missing("the driver", found if requirements else {PACKAGE: None})
    rejected = [
        f"{each.name} {found[each.name]} (expected: {each.specifier})"
        for each in requirements
        if not each.specifier.contains(str(found[each.name]), prereleases=True)
    ]
    if rejected:
        raise ConfigurationError(
            f"the driver has {', '.join(rejected)}; {INSTALL}, or use a runtime that has them"
        )


def check_none_missing(where: str, versions: Mapping[str, str | None]) -> None:
    """Check that each library has a version.

    Raises:
        ConfigurationError: One has none: it is not installed.
    """
    missing = [name for name, installed in versions.items() if installed is None]
    if missing:
        raise ConfigurationError(
            f"{where} lacks {', '.join(missing)}, expected the libraries of training on the driver "
            f"and on every executor; {INSTALL}"
        )


def find_version(name: str) -> str | None:
    """Return the installed version of a distribution, or ``None``.

    What a build has left beside the sources (``*.egg-info``, perhaps of another commit) counts only
    where nothing is installed: which one is found first differs from process to process.
    """
    found = sorted(distributions(name=name), key=lambda each: each.read_text("RECORD") is None)
    return found[0].version if found else None


def _requirements() -> Iterator[Requirement]:
    """Yield what the wheel and its extra require on this platform; nothing without the wheel."""
    try:
        lines = requires(PACKAGE) or []
    except PackageNotFoundError:
        return
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in _EXTRAS):
            yield requirement
