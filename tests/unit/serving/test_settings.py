"""The endpoint's settings: typed, or one line that names the setting, its value and the rule."""

from __future__ import annotations

import pytest

from crosscloud_mnist.adapters.local import LocalEndpoint
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.serving.settings import parse_settings

VALID = {"name": "mnist_cnn"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": "8606"}, "port is '8606': expected `int`, got `str`"),
        ({"port": 80808}, "port is 80808: expected `int` <= 65535"),
        ({"port": 0}, "port is 0: expected `int` >= 1"),
        ({"port": True}, "port is True: expected `int`, got `bool`"),
        ({"port": 8501.5}, "port is 8501.5: expected `int`, got `float`"),
        ({"host": None}, "host is None: expected `str`, got `null`"),
        ({"host": "a host"}, "host is 'a host': expected `str` matching"),
        ({"workers": 0}, "workers is 0: expected `int` >= 1"),
        ({"workers": "two"}, "workers is 'two': expected `int`, got `str`"),
        ({"name": "a/b"}, "name is 'a/b': expected `str` matching"),
        ({"prot": 8501}, "unknown field `prot`"),
        ({"inference_log": {"sampling_fraction": 1.0}}, "missing required field `folder`"),
        (
            {"inference_log": {"folder": "f", "sampling_fraction": 1.5}},
            "inference_log.sampling_fraction is 1.5: expected `float` <= 1",
        ),
        ({"inference_log": {"folder": 3}}, "inference_log.folder is 3: expected a path"),
    ],
)
def test_a_setting_of_the_wrong_type_or_range_is_one_line(options, message):
    with pytest.raises(ConfigurationError) as raised:
        parse_settings(VALID | options)
    assert message in str(raised.value)
    assert str(raised.value).isprintable()


def test_a_section_that_an_environment_replaced_is_one_line_that_names_what_is_missing():
    with pytest.raises(ConfigurationError, match="missing required field `name`.*as a whole"):
        LocalEndpoint(port=9000)
    with pytest.raises(ConfigurationError, match="endpoint.folder is '', expected a path"):
        LocalEndpoint(name="mnist_cnn", port=9000)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1:8501"), ("localhost", "localhost:8501"), ("::1", "[::1]:8501")],
)
def test_the_address_puts_ipv6_in_brackets(host, address):
    assert parse_settings(VALID | {"host": host}).address == address
