"""Passwords in URIs and known secrets do not show, in whatever encoding."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest

from crosscloud_mnist.redaction import (
    mask_uris,
    mask_uris_in,
    redact,
    select_secrets,
    summarize,
)

SECRET = "s3cret/with+odd=chars?>"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("at https://ada:pass@host:5000/x failed", "at https://***@host:5000/x failed"),
        ("postgresql+psycopg2://ada:p@ss/w:rd@host/db", "postgresql+psycopg2://***@host/db"),
        ("proxy HTTP://ada:p%40@10.0.0.1:3128", "proxy HTTP://***@10.0.0.1:3128"),
        ("'https://dapi123@host'", "'https://***@host'"),
        ("https://blob/x?sv=1&sig=abc%3D&se=2", "https://blob/x?sv=1&sig=***&se=2"),
    ],
)
def test_the_password_of_a_uri_is_masked(text, masked):
    assert mask_uris(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:5000/api/models/mnist@champion",
        "models:/mnist_cnn@champion",
        "databricks-uc://scope:prefix",
        "sqlite:////home/ada/mlflow.db",
        "mail ada@example.com at 10:30",
    ],
)
def test_a_uri_without_a_password_is_left_as_it_is(text):
    assert mask_uris(text) == text


def test_every_uri_of_a_configuration_is_masked():
    options = {"a": [{"uri": "http://ada:pw@h"}], "b": 3}
    assert mask_uris_in(options) == {"a": [{"uri": "http://***@h"}], "b": 3}


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        b64encode(SECRET.encode()).decode(),
        urlsafe_b64encode(SECRET.encode()).decode(),
        *(b64encode(f"{user}:{SECRET}".encode()).decode() for user in ("a", "ad", "ada")),
        b64encode(f"{SECRET}:ada".encode()).decode(),
    ],
)
def test_a_secret_is_masked_in_every_encoding(form):
    assert redact(f"header ({form}) of https://host", [SECRET]) == "header (***) of https://host"


def test_a_secret_that_the_limit_would_cut_is_masked_before():
    text = summarize("x" * 285 + " " + SECRET + "\n" + "y" * 100, [SECRET])
    assert text == "x" * 285 + " *** " + "y" * 7 + "..."
    assert len(text) == 300


def test_a_summary_is_one_printable_line():
    assert summarize("two\n  lines\x1b[31m, red") == "two lines [31m, red"


def test_the_name_of_a_variable_says_that_it_is_secret():
    variables = {"DATABRICKS_TOKEN": "a", "MLFLOW_TRACKING_PASSWORD": "b", "X_KEY": "", "HOST": "c"}
    variables["MNIST_SIGNING_KEY"] = "/path/of/key.pem"
    assert select_secrets(variables) == ("a", "b")
