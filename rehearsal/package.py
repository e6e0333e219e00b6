"""What a job is made of: the wheel, the conf archive, and an environment with the wheel.

``python -m rehearsal.package FOLDER`` builds both; what has ``REHEARSAL_PACKAGE=FOLDER`` uses them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

from crosscloud_mnist.source_version import UNKNOWN_COMMIT, find_commit

_PROJECT = Path(__file__).parents[1]
_CONF = "conf-crosscloud_mnist.tar.gz"
PACKAGE_VARIABLE = "REHEARSAL_PACKAGE"  # of the folder of a package that is built
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


@dataclass(frozen=True)
class Package:
    """The files of ``kedro package``.

    Attributes:
        wheel: The wheel.
        conf: The archive of the configuration.
    """

    wheel: Path
    conf: Path


def provide_package(folder: Path) -> Package:
    """Return the package that an earlier call has built; build it before the first.

    Args:
        folder: For the files; ``REHEARSAL_PACKAGE`` has precedence, so that the processes of
            ``make rehearse`` share one package.

    Raises:
        subprocess.CalledProcessError: The wheel cannot be built.
    """
    folder = Path(os.environ.get(PACKAGE_VARIABLE, folder))
    wheels = list((folder / "dist").glob("*.whl"))
    return Package(wheels[0], folder / _CONF) if wheels else build_package(folder)


def build_package(folder: Path) -> Package:
    """Build both from this project, with the setuptools of this environment.

    Args:
        folder: For the files; created.

    Raises:
        subprocess.CalledProcessError: The wheel cannot be built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / _CONF, "w:gz") as archive:
        archive.add(_PROJECT / "conf", "conf", filter=_without_local)
    return Package(_build_wheel(folder / "dist"), folder / _CONF)


def _build_wheel(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    # Setuptools keeps what it builds in the project, and adds files that were deleted since.
    settings = folder / "distutils.cfg"
    settings.write_text(f"[build]\nbuild_base = {folder / 'build'}\n")
    subprocess.run(
        [*_PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, _PROJECT],
        env={**os.environ, "DIST_EXTRA_CONFIG": str(settings)},
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def find_built_commit() -> str:
    """Return the commit of this project as a CI system knows it, also where files were changed.

    Without git, which no CI system lacks, a commit of zeros.
    """
    commit = find_commit().removesuffix("-dirty")
    return "0" * 40 if commit == UNKNOWN_COMMIT else commit


def install_wheel(wheel: Path, folder: Path) -> Path:
    """Install the wheel into a new environment that has this one's libraries.

    A path in a .pth file brings the libraries there, but not that folder's own .pth files: an
    editable install of this package is not among them.

    Returns:
        The environment's Python.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    site = site_packages(folder)
    (site / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    subprocess.run([*_PIP, "install", "--no-deps", "--target", site, wheel], check=True)
    return folder / "bin" / "python"


def site_packages(environment: Path) -> Path:
    """Return the folder of an environment's libraries."""
    (site,) = (environment / "lib").glob("python*/site-packages")
    return site


def _without_local(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave a user's own settings out, as ``kedro package`` does."""
    return None if member.name.startswith("conf/local/") else member


if __name__ == "__main__":
    build_package(Path(sys.argv[1]))
