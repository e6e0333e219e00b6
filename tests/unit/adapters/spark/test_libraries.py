"""What the driver lacks for training is named before a session starts, with what to install."""

from __future__ import annotations

import pytest

from crosscloud_mnist.adapters.spark import libraries
from crosscloud_mnist.adapters.spark.libraries import check_driver_libraries
from crosscloud_mnist.errors import ConfigurationError


@pytest.fixture
def install(monkeypatch):
    """Return a function that lets distributions have other versions, or none."""

    def set_versions(**versions: str | None) -> None:
        find = libraries.find_version
        monkeypatch.setattr(
            libraries, "find_version", lambda name: versions.get(name.replace("-", "_"), find(name))
        )

    return set_versions


def test_a_complete_driver_passes():
    check_driver_libraries()


def test_missing_libraries_are_named_with_the_extra_that_has_them(install):
    install(tensorflow=None, tf2onnx=None, spark_tensorflow_distributor=None)
    message = (
        r"the driver lacks spark-tensorflow-distributor, tensorflow, tf2onnx, expected .* "
        r"install the wheel there as crosscloud-mnist\[train\]"
    )
    with pytest.raises(ConfigurationError, match=message):
        check_driver_libraries()


def test_a_version_that_the_wheel_does_not_accept_is_named(install):
    install(mlflow="3.1.0")
    with pytest.raises(ConfigurationError, match=r"has mlflow 3\.1\.0 \(expected: <4,>=3\.8\)"):
        check_driver_libraries()


def test_packages_of_other_extras_are_not_demanded(install):
    install(uvicorn=None, kedro_viz=None, boto3=None)
    check_driver_libraries()


def test_what_a_build_left_beside_the_sources_does_not_count(tmp_path, monkeypatch):
    for folder, version in (("src/a.egg-info", "2.0"), ("site/a-1.0.dist-info", "1.0")):
        (tmp_path / folder).mkdir(parents=True)
        name = "PKG-INFO" if folder.endswith("egg-info") else "METADATA"
        (tmp_path / folder / name).write_text(
            f"Metadata-Version: 2.1\nName: a\nVersion: {version}\n"
        )
    (tmp_path / "site/a-1.0.dist-info/RECORD").write_text("")
    monkeypatch.setattr("sys.path", [str(tmp_path / "src"), str(tmp_path / "site")])
    assert libraries.find_version("a") == "1.0"
    monkeypatch.setattr("sys.path", [str(tmp_path / "src")])
    assert libraries.find_version("a") == "2.0"
    monkeypatch.setattr("sys.path", [])
    assert libraries.find_version("a") is None
