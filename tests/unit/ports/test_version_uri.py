"""A version's URI is told from a logged model's."""

from __future__ import annotations

import pytest

from crosscloud_mnist.ports import VersionUri, parse_version_uri


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("models:/mnist_cnn/3", VersionUri("mnist_cnn", "3", None)),
        ("models:/shared.deploy.mnist_cnn/12", VersionUri("shared.deploy.mnist_cnn", "12", None)),
        ("models:/shared.deploy.mnist_cnn@a", VersionUri("shared.deploy.mnist_cnn", None, "a")),
    ],
)
def test_a_version_is_named_by_its_number_or_an_alias(uri, expected):
    assert parse_version_uri(uri) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "models:/m-0123456789abcdef0123456789abcdef",
        "models:/mnist_cnn",
        "models:/mnist_cnn/latest",
        "models:/mnist_cnn/3/artifacts",
        "models:/mnist_cnn@a/b",
        "runs:/abc/model",
        "",
    ],
)
def test_any_other_uri_is_no_version(uri):
    assert parse_version_uri(uri) is None
