"""A folder without its marker is incomplete: the marker is removed first and written last."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosscloud_mnist.storage import folders, sequential


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "a" / "b").mkdir(parents=True)
    for name in ("a/b/deep", "a/file", "marker", "z"):
        (source / name).write_text(name)
    return source


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_copy_has_the_files_of_the_source_and_no_others(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "target"
    folders.replace(source, target, marker="marker")
    (target / "a" / "old").touch()
    (source / "z").unlink()
    folders.replace(source, target, marker="marker")
    assert files(target) == files(source)


def test_a_copy_that_is_interrupted_has_no_marker(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    folders.replace(source, target, marker="marker")
    copy, order = sequential.copy, []

    def fail_at_the_last_file(file: object, path: Path) -> None:
        order.append(path.name)
        if len(order) == 4:
            raise KeyboardInterrupt
        copy(file, path)  # type: ignore[arg-type]

    monkeypatch.setattr(sequential, "copy", fail_at_the_last_file)
    with pytest.raises(KeyboardInterrupt):
        folders.replace(source, target, marker="marker")
    assert order[-1] == "marker"
    assert sorted(files(target)) == ["a/b/deep", "a/file", "z"]


def test_the_marker_is_removed_before_any_other_file(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    folders.replace(source, target, marker="marker")

    def interrupt(folder: Path) -> None:
        assert sorted(files(folder)) == ["a/b/deep", "a/file", "z"]
        raise KeyboardInterrupt

    monkeypatch.setattr(folders.shutil, "rmtree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        folders.replace(source, target, marker="marker")
