"""The version of a build and the commit of its sources.

``pyproject.toml`` derives the version of the distribution from here, in an environment that has
only setuptools: this module imports nothing else. The version of each build differs, because a
running cluster keeps an installed wheel of the same version:
https://docs.databricks.com/aws/en/dev-tools/bundles/reference (artifacts, dynamic_version).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

UNKNOWN_COMMIT = "unknown"
_RELEASE = "0.1.0"
_DISTRIBUTION = "crosscloud-mnist"
_ROOT = Path(__file__).parents[2]  # of the sources; of an installed wheel it is no project
_BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "src")
_BUILT_COMMIT = re.compile(r"\+g(?P<commit>[0-9a-f]{40})(?P<changed>\.d[0-9a-f]+)?$")
_GENERATED = ("__pycache__", ".egg-info")


def derive_version(root: Path = _ROOT) -> str:
    """Return the version of a build of the sources.

    It is ``0.1.0+g<commit>``; where files differ from the commit, ``0.1.0+g<commit>.d<digest>``
    with a digest of the files; without git ``0.1.0+d<digest>``; and in an unpacked source
    distribution the version of that.

    Args:
        root: Folder of ``pyproject.toml``.
    """
    package_info = root / "PKG-INFO"
    if package_info.is_file():
        found = re.search(r"^Version: (\S+)$", package_info.read_text(encoding="utf-8"), re.M)
        if found:
            return found[1]
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return f"{_RELEASE}+d{_digest_sources(root)}"
    if _git(root, "status", "--porcelain", "--", *_BUILT_FROM):
        return f"{_RELEASE}+g{commit}.d{_digest_sources(root)}"
    return f"{_RELEASE}+g{commit}"


def find_commit() -> str:
    """Return the commit of this code, ``-dirty`` where files differ from it.

    It is git's where the code runs from a checkout, and the one in the version of an installed
    wheel; ``unknown`` if there is neither.
    """
    described = _git(_ROOT, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    if described:
        return described
    match = _BUILT_COMMIT.search(_installed_version())
    if match is None:
        return UNKNOWN_COMMIT
    return f"{match['commit']}-dirty" if match["changed"] else match["commit"]


def _installed_version() -> str:
    """Return the version of the distribution that this file belongs to, or an empty text."""
    try:
        installed = distribution(_DISTRIBUTION)
    except PackageNotFoundError:
        return ""
    own = Path(str(installed.locate_file(f"{Path(__file__).parent.name}/{Path(__file__).name}")))
    return installed.version if own.is_file() and own.samefile(__file__) else ""


def _git(root: Path, *arguments: str) -> str | None:
    """Return git's output; ``None`` where the folder is not part of a repository."""
    git = shutil.which("git")
    if git is None:
        return None
    for command in (("ls-files", "--error-unmatch", "pyproject.toml"), arguments):
        ended = subprocess.run(
            [git, *command], cwd=root, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            return None
    return ended.stdout.strip()


def _digest_sources(root: Path) -> str:
    """Return twelve digits of the SHA-256 of what a wheel is built from."""
    digest = hashlib.sha256()
    for name in _BUILT_FROM:
        path = root / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            relative = file.relative_to(root).as_posix()
            if file.is_file() and not any(each in relative for each in _GENERATED):
                digest.update(f"{relative}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
