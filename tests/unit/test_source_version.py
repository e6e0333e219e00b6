"""A build's version names the commit that it was built from, and differs where the files do."""

from __future__ import annotations

import subprocess

import pytest
from packaging.version import Version

from crosscloud_mnist.source_version import derive_version


def git(root, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "src" / "package").mkdir(parents=True)
    (tmp_path / "src" / "package" / "module.py").write_text("x = 1\n")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).write_text(f"{name}\n")
    return tmp_path


@pytest.fixture
def repository(sources):
    git(sources, "init", "--quiet")
    git(sources, "add", ".")
    git(sources, "commit", "--quiet", "--message", "first")
    return sources


def test_clean_sources_have_the_commit_in_their_version(repository):
    assert derive_version(repository) == f"0.1.0+g{git(repository, 'rev-parse', 'HEAD')}"


def test_every_change_gives_another_version(repository):
    versions = [derive_version(repository)]
    (repository / "src" / "package" / "module.py").write_text("x = 2\n")
    versions.append(derive_version(repository))
    (repository / "src" / "package" / "new.py").write_text("")
    versions.append(derive_version(repository))
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "second")
    versions.append(derive_version(repository))
    assert len({Version(version) for version in versions}) == 4


def test_files_that_are_not_built_change_nothing(repository):
    before = derive_version(repository)
    (repository / "notes.txt").write_text("notes")
    (repository / "src" / "package" / "__pycache__").mkdir()
    (repository / "src" / "package" / "__pycache__" / "module.pyc").write_bytes(b"")
    (repository / ".gitignore").write_text("__pycache__/\n")
    assert derive_version(repository) == before


def test_without_git_the_version_is_a_digest_of_the_sources(sources):
    before = derive_version(sources)
    assert before == derive_version(sources)
    (sources / "src" / "package" / "module.py").write_text("x = 2\n")
    assert Version(before) != Version(derive_version(sources))


def test_a_copy_inside_another_repository_does_not_take_its_commit(repository):
    copy = repository / "build" / "copy"
    (copy / "src").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (copy / name).write_text("")
    assert "+d" in derive_version(copy)


def test_an_unpacked_source_distribution_keeps_its_version(sources):
    (sources / "PKG-INFO").write_text("Metadata-Version: 2.4\nName: x\nVersion: 0.1.0+gabc\n")
    assert derive_version(sources) == "0.1.0+gabc"
