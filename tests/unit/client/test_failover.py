"""Several endpoints as one: round robin, failover, retries, and their limits."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from crosscloud_mnist.client import Backend, Counts, FailoverClient, digest_mismatch
from crosscloud_mnist.client.failover import _FIRST_BACKOFF_SECONDS
from crosscloud_mnist.client.retry_budget import RetryBudget
from crosscloud_mnist.errors import ConfigurationError, EndpointError, EndpointUnavailableError

IMAGE = np.zeros((1, 28, 28), np.uint8)
UNUSED = "http://127.0.0.1:9/invocations"
VALID = json.dumps({"predictions": [[0.1] * 10]}).encode()
OK, UNAVAILABLE, BUSY = (200, {}), (503, {}), (429, {"retry-after": "1"})


class FakeEndpoint:
    """An endpoint that sends the given responses, the last one again and again."""

    def __init__(self, *responses, digest="ab" * 32):
        cloud, self.responses, self.requests, self.tokens = self, list(responses), 0, []
        self.body, self.pause = VALID, 0.0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                cloud.tokens.append(self.headers["authorization"])
                cloud.requests += 1
                time.sleep(cloud.pause)
                status, headers = cloud.responses[min(cloud.requests, len(cloud.responses)) - 1]
                self._answer(status, headers, cloud.body if status == 200 else b"{}")

            def do_GET(self):
                card = {"name": "mnist_cnn", "version": "3", "digest": digest}
                self._answer(200, {}, json.dumps(card).encode())

            def _answer(self, status, headers, content):
                self.send_response(status)
                for name, value in (headers | {"content-length": str(len(content))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                """Keep the console quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/invocations"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@contextmanager
def clouds(*scripts, **digests) -> Iterator[list[FakeEndpoint]]:
    started = [FakeEndpoint(*script) for script in scripts]
    yield started
    for cloud in started:
        cloud.server.shutdown()
        cloud.server.server_close()


def client_of(*urls, **options):
    names = ("azure", "gcp")
    return FailoverClient([Backend(n, url) for n, url in zip(names, urls, strict=False)], **options)


def test_calls_go_round_the_clouds():
    with clouds([OK], [OK]) as (azure, gcp), client_of(azure.url, gcp.url) as client:
        for _ in range(6):
            client.predict(IMAGE)
    assert (azure.requests, gcp.requests) == (3, 3)
    assert client.counts == Counts(calls=6)


@pytest.mark.parametrize("script", [[UNAVAILABLE], [BUSY], [(408, {})], [(500, {})]])
def test_a_temporary_failure_goes_to_the_other_cloud_at_once(script):
    with clouds(script, [OK]) as (azure, gcp), client_of(azure.url, gcp.url) as client:
        client.predict(IMAGE)
    assert (azure.requests, gcp.requests) == (1, 1)
    assert client.counts == Counts(calls=1, retries=1, failovers=1)


def test_a_cloud_that_is_down_costs_few_retries():
    with clouds([OK]) as (gcp,), client_of(UNUSED, gcp.url) as client:
        until, calls = time.monotonic() + 1, 0
        while time.monotonic() < until or calls < 100:  # a busy machine makes fewer in a second
            client.predict(IMAGE)
            calls += 1
    assert gcp.requests == client.counts.calls == calls
    assert 1 <= client.counts.retries == client.counts.failovers < calls / 4


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 422])
def test_a_rejected_request_is_not_sent_again(status):
    with (
        clouds([(status, {})], [OK]) as (azure, gcp),
        client_of(azure.url, gcp.url) as client,
        pytest.raises(EndpointError, match=f"returned {status}"),
    ):
        client.predict(IMAGE)
    assert (azure.requests, gcp.requests) == (1, 0)
    assert client.counts == Counts(calls=1, failures=1)


def test_the_only_cloud_is_called_again_after_its_retry_after():
    with clouds([BUSY, UNAVAILABLE, OK]) as (azure,), client_of(azure.url) as client:
        start = time.monotonic()
        client.predict(IMAGE)
    assert 1 <= time.monotonic() - start < 5
    assert client.counts == Counts(calls=1, retries=2)


def test_a_call_ends_in_time_with_the_last_error():
    with clouds([(503, {"retry-after": "60"})]) as (azure,):
        start = time.monotonic()
        with (
            client_of(azure.url, seconds=2) as client,
            pytest.raises(EndpointUnavailableError) as raised,
        ):
            client.predict(IMAGE)
        assert time.monotonic() - start < 2
    assert "returned 503" in str(raised.value)
    assert azure.requests == client.counts.failures == 1


def test_the_budget_limits_the_retries_of_all_calls():
    budget = RetryBudget(retries_per_call=0.1, reserve_per_second=0.5, reserve_seconds=10)
    with (
        clouds([UNAVAILABLE]) as (azure,),
        client_of(azure.url, azure.url, budget=budget) as client,
    ):
        for _ in range(20):
            with pytest.raises(EndpointUnavailableError):
                client.predict(IMAGE)
    assert client.counts.retries <= 5 + 2 + 20 * _FIRST_BACKOFF_SECONDS
    assert azure.requests == 20 + client.counts.retries


def test_each_cloud_gets_its_own_token_from_the_environment(monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN", "a-token\n")
    with clouds([OK], [OK]) as (azure, gcp):
        backends = [Backend("azure", azure.url, "AZURE_TOKEN"), Backend("gcp", gcp.url)]
        with FailoverClient(backends) as client:
            client.predict(IMAGE)
            client.predict(IMAGE)
    assert (azure.tokens, gcp.tokens) == (["Bearer a-token"], [None])
    monkeypatch.delenv("AZURE_TOKEN")
    with pytest.raises(ConfigurationError, match="AZURE_TOKEN is not set, .* azure's endpoint"):
        FailoverClient(backends)


def test_survey_shows_which_cloud_is_down_and_a_mismatch_names_both_bundles():
    azure, gcp = FakeEndpoint(OK, digest="aa" * 32), FakeEndpoint(OK, digest="bb" * 32)
    with client_of(azure.url, gcp.url) as client:
        message = digest_mismatch(client.survey())
    assert message == (
        "the clouds serve different bundles: "
        f"azure version 3 (digest {'aa' * 32}), gcp version 3 (digest {'bb' * 32})"
    )
    with client_of(azure.url, UNUSED) as client:
        up, down = client.survey()
    assert up.deployment.digest == "aa" * 32
    assert (down.cloud, down.deployment) == ("gcp", None)
    assert "does not answer" in down.error
    assert digest_mismatch((up, down)) is None


@pytest.mark.parametrize("retry_after", ["86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_retry_after_ejects_for_thirty_seconds_at_most(retry_after):
    with (
        clouds([(503, {"retry-after": retry_after})]) as (azure,),
        client_of(azure.url) as client,
    ):
        with pytest.raises(EndpointUnavailableError):
            client.predict(IMAGE)
        (member,) = client._members
        assert 25 < member.ejected_until - time.monotonic() <= 30


def test_an_invalid_response_goes_to_the_other_cloud():
    with clouds([OK], [OK]) as (azure, gcp), client_of(azure.url, gcp.url) as client:
        azure.body = b'{"predictions": [[2, -1, 0, 0, 0, 0, 0, 0, 0, 0]]}'
        client.predict(IMAGE)
    assert (azure.requests, gcp.requests) == (1, 1)
    assert client.counts == Counts(calls=1, retries=1, failovers=1)


def test_a_backend_that_failed_thousands_of_times_can_still_be_ejected():
    with client_of(UNUSED) as client:
        (member,) = client._members
        member.failures = 5000
        client._eject(member, None)
    assert member.ejected_until <= time.monotonic() + 30


def test_a_call_ends_at_its_deadline_while_a_backend_is_slow():
    with clouds([OK]) as (azure,), client_of(azure.url, seconds=1, request_seconds=10) as client:
        azure.pause = 3.0
        started = time.monotonic()
        with pytest.raises(EndpointUnavailableError, match="did not answer within"):
            client.predict(IMAGE)
        assert time.monotonic() - started < 2
