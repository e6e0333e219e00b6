"""A container's build fails for what a real one would resolve differently next month."""

from __future__ import annotations

import pytest

from rehearsal.serving_build import build


@pytest.fixture
def model(tiny_bundle, tmp_path):
    """Return a function that makes a model folder of requirements."""

    def make(lines):
        (tmp_path / "requirements.txt").write_text("\n".join(lines))
        return tmp_path

    return make


def test_the_pins_of_a_bundle_leave_nothing_to_resolve(tiny_bundle):
    assert build(tiny_bundle.folder, checks_requirements=True).fault is None


@pytest.mark.parametrize("name", ["starlette", "numpy", "mlflow-skinny"])
def test_a_distribution_that_is_not_pinned_fails_the_build(tiny_bundle, model, name):
    lines = (tiny_bundle.folder / "requirements.txt").read_text().splitlines()
    folder = model([line for line in lines if not line.startswith(f"{name}==")])
    failed = build(folder, checks_requirements=True)
    assert failed.fault == f"Container image creation failed for {name}."
    assert f"The newest {name} does not work with this model" in failed.log
    assert build(folder, checks_requirements=False).fault is None


def test_the_two_requirements_that_bundles_once_had_fail_the_build(model):
    assert build(model(["mlflow==3.8.1", "onnxruntime==1.20"]), checks_requirements=True).fault
