"""Which hosts are this machine, and how requests to them are kept from a proxy."""

from __future__ import annotations

import pytest

from crosscloud_mnist.reachability import is_loopback, no_proxy_for_loopback


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.3.2.1", "::1", "[::1]", "0.0.0.0", "a.localhost"]
)
def test_a_name_or_address_of_this_machine_is_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "localhost.example.com", ""])
def test_any_other_host_is_not(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "localhost,127.0.0.1,127.0.0.0/8,::1"),
        ({"NO_PROXY": ".example.com"}, ".example.com,localhost,127.0.0.1,127.0.0.0/8,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_loopback_is_added_to_the_hosts_without_a_proxy(environment, expected):
    variables = no_proxy_for_loopback(environment)
    assert variables == {"no_proxy": expected, "NO_PROXY": expected}
    assert no_proxy_for_loopback(variables) == variables
