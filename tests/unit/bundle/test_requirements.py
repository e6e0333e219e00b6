"""The requirements of a bundle are complete, and cannot contradict each other."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
import yaml

from crosscloud_mnist.bundle.requirements import pin_requirements
from crosscloud_mnist.datasets.bundle import BundleDataset
from crosscloud_mnist.errors import BundleError


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that makes a distribution importable, as its metadata."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name, version, *requires):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (folder / "METADATA").write_text("\n".join(lines))

    return install


def test_every_distribution_that_is_required_is_pinned_once(install):
    install("Red-Apple", "2.1", "seed>=1", "core")
    install("seed", "1.5", "core<4")
    install("core", "3.0", "red_apple")
    assert pin_requirements(["red.apple"]) == ["core==3.0", "red-apple==2.1", "seed==1.5"]


def test_extras_and_markers_are_followed_where_they_apply(install):
    install("apple", "1", 'pear[juice]; python_version > "3"', 'fig; python_version < "3"')
    install("pear", "1", 'glass; extra == "juice"', 'plate; extra == "cake"')
    install("glass", "1")
    assert pin_requirements(["apple"]) == ["apple==1", "glass==1", "pear==1"]


def test_a_local_label_that_no_index_has_is_left_out(install):
    install("apple", "1.2+databricks")
    assert pin_requirements(["apple"]) == ["apple==1.2"]


@pytest.mark.parametrize(
    ("requirement", "found", "expected"),
    [("seed<1", "seed 1.5", "seed<1"), ("pear>2", "pear not installed", "pear>2")],
)
def test_an_environment_that_contradicts_itself_is_named(install, requirement, found, expected):
    install("apple", "1", requirement)
    install("seed", "1.5")
    message = f"found {found}, expected {expected}, which apple requires.*run pip check"
    with pytest.raises(BundleError, match=message) as caught:
        pin_requirements(["apple"])
    assert "\n" not in str(caught.value)


def test_an_environment_that_no_bundle_could_pin_fails_before_training(install, tmp_path):
    keys = {"private_key": str(tmp_path / "a.pem"), "public_key": str(tmp_path / "a.pub")}
    dataset = BundleDataset(
        filepath=str(tmp_path / "bundle"), credentials=keys, generate_signing_key=True
    )
    dataset.check()
    install("starlette", "0.1")
    with pytest.raises(BundleError, match="found starlette 0.1, expected starlette.*fastapi req"):
        dataset.check()


def test_a_bundle_pins_its_complete_environment_and_nothing_floats(tiny_bundle):
    folder = tiny_bundle.folder
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert lines == pin_requirements()
    assert {f"mlflow=={version('mlflow')}", f"starlette=={version('starlette')}"} < set(lines)
    conda = yaml.safe_load((folder / "conda.yaml").read_text())["dependencies"]
    assert conda[-1] == {"pip": lines}
    python = yaml.safe_load((folder / "python_env.yaml").read_text())
    assert python["dependencies"] == ["-r requirements.txt"]
    for line in [*lines, *python["build_dependencies"]]:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)
