"""A bundle on storage is complete, or absent."""

from __future__ import annotations

import pytest

from crosscloud_mnist.datasets.bundle import BundleDataset
from crosscloud_mnist.errors import BundleError
from crosscloud_mnist.storage import sequential


@pytest.fixture
def dataset(tmp_path, tmp_path_factory):
    keys = tmp_path_factory.getbasetemp() / "keys"
    return BundleDataset(
        filepath=str(tmp_path / "bundle"),
        credentials={
            "private_key": str(keys / "signing.pem"),
            "public_key": str(keys / "signing.pub"),
        },
        generate_signing_key=True,
    )


def test_what_is_loaded_is_what_was_saved(dataset, tiny_contents, tmp_path):
    for _ in range(2):
        dataset.save(tiny_contents)
        bundle = dataset.load()
    assert bundle.onnx.read_bytes() == tiny_contents.onnx
    assert dataset.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("files", [0, 3, 9])
def test_a_bundle_whose_copy_was_interrupted_is_absent_and_the_next_run_completes_it(
    dataset, tiny_contents, monkeypatch, raises_cause, files
):
    dataset.save(tiny_contents)
    copied, copy = [], sequential.copy

    def copy_some(source, path):
        if len(copied) == files:
            raise KeyboardInterrupt
        copied.append(path)
        copy(source, path)

    monkeypatch.setattr(sequential, "copy", copy_some)
    with pytest.raises(KeyboardInterrupt):
        dataset.save(tiny_contents)
    monkeypatch.setattr(sequential, "copy", copy)
    assert not dataset.exists()
    with raises_cause(BundleError, "is not a complete bundle .* kedro run --pipelines train"):
        dataset.load()
    dataset.save(tiny_contents)
    assert dataset.load().onnx.read_bytes() == tiny_contents.onnx
