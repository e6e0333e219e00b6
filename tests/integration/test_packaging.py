"""``kedro package``: neither archive holds a secret, and the wheel is complete."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from crosscloud_mnist.bundle import Signer

PROJECT = Path(__file__).parents[2]
TOKEN = "dapi" + "0123456789abcdef" * 2
SECRET = re.compile(rb"-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=]|dapi[0-9a-f]{32}")


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Both archives of a project that has keys, local settings with a token, and data."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    shutil.copytree(PROJECT / "src", folder / "src")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder)
    (folder / "conf" / "local").mkdir()
    (folder / "conf" / "local" / "credentials.yml").write_text(f"source: {{TOKEN: {TOKEN}}}\n")
    keys = re.findall(
        r"\$\{project_path:([^}]+)\}(\S+)", (folder / "conf/base/credentials.yml").read_text()
    )
    private, public = dict.fromkeys(f"{folder}/{root}{path}" for root, path in keys)
    Signer(private, public, generate=True).check()
    assert SECRET.search(Path(private).read_bytes())
    assert Path(private).stat().st_mode & 0o077 == 0
    subprocess.run(
        [sys.executable, "-m", "kedro", "package"], cwd=folder, check=True, capture_output=True
    )
    return folder / "dist"


def contents(archives: Path) -> dict[str, bytes]:
    (wheel,), (conf,) = archives.glob("*.whl"), archives.glob("conf-*.tar.gz")
    found = {}
    with zipfile.ZipFile(wheel) as opened:
        for name in opened.namelist():
            found[f"{wheel.name}/{name}"] = opened.read(name)
    with tarfile.open(conf) as opened:
        for member in opened.getmembers():
            if (file := opened.extractfile(member)) is not None:
                found[f"{conf.name}/{member.name}"] = file.read()
    return found


def test_no_key_or_token_is_in_the_wheel_or_the_configuration_archive(archives):
    files = contents(archives)
    assert any(name.endswith("base/globals.yml") for name in files)
    assert any(name.endswith("crosscloud_mnist/settings.py") for name in files)
    assert [name for name, content in files.items() if SECRET.search(content)] == []
    assert [name for name in files if re.search(r"\.(pem|pub|key|p12)$", name)] == []
    assert [name for name in files if "conf/local/" in name] == []


def test_the_wheel_holds_the_files_that_are_not_python(archives):
    names = [name.partition("/crosscloud_mnist/")[2] for name in contents(archives)]
    assert len([name for name in names if re.fullmatch(r"sample_images/.*\d\.png", name)]) == 10
    for path in (PROJECT / "src" / "crosscloud_mnist").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(PROJECT / "src" / "crosscloud_mnist").as_posix() in names
