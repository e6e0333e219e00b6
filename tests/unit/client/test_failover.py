"""Several copies as one: who is asked, what is asked again, and when it is given up."""

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
from crosscloud_mnist.client.failover import _FIRST_PAUSE
from crosscloud_mnist.client.retry_budget import RetryBudget
from crosscloud_mnist.errors import ConfigurationError, EndpointError, EndpointUnavailableError

PICTURE = np.zeros((1, 28, 28), np.uint8)
NOBODY = "http://127.0.0.1:9/invocations"
RIGHT = json.dumps({"predictions": [[0.1] * 10]}).encode()
OK, OUT, BUSY, REFUSED = (200, {}), (503, {}), (429, {"retry-after": "1"}), (400, {})


class WorkspaceProcess:
    """An endpoint that answers as it is told, the last word for ever."""

    def __init__(self, *answers, digest="ab" * 32):
        cloud, self.answers, self.asked, self.tokens = self, list(answers), 0, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                cloud.tokens.append(self.headers["authorization"])
                cloud.asked += 1
                status, headers = cloud.answers[min(cloud.asked, len(cloud.answers)) - 1]
                self._answer(status, headers, RIGHT if status == 200 else b"{}")

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
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/invocations"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@contextmanager
def clouds(*scripts, **digests) -> Iterator[list[WorkspaceProcess]]:
    started = [WorkspaceProcess(*script) for script in scripts]
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
            client.predict(PICTURE)
    assert (azure.asked, gcp.asked) == (3, 3)
    assert client.counts == Counts(calls=6)


@pytest.mark.parametrize("script", [[OUT], [BUSY], [(408, {})], [(500, {})]])
def test_what_may_pass_goes_to_the_other_cloud_at_once(script):
    with clouds(script, [OK]) as (azure, gcp), client_of(azure.url, gcp.url) as client:
        client.predict(PICTURE)
    assert (azure.asked, gcp.asked) == (1, 1)
    assert client.counts == Counts(calls=1, retries=1, failovers=1)


def test_a_cloud_that_is_gone_costs_few_retries():
    with clouds([OK]) as (gcp,), client_of(NOBODY, gcp.url) as client:
        until, calls = time.monotonic() + 1, 0
        while time.monotonic() < until:
            client.predict(PICTURE)
            calls += 1
    assert gcp.asked == client.counts.calls == calls
    assert 1 <= client.counts.retries == client.counts.failovers < calls / 4


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 422])
def test_what_was_refused_is_not_sent_again(status):
    with (
        clouds([(status, {})], [OK]) as (azure, gcp),
        client_of(azure.url, gcp.url) as client,
        pytest.raises(EndpointError, match=f"answered {status}"),
    ):
        client.predict(PICTURE)
    assert (azure.asked, gcp.asked) == (1, 0)
    assert client.counts == Counts(calls=1, failures=1)


def test_one_cloud_is_asked_again_after_the_time_that_it_names():
    with clouds([BUSY, OUT, OK]) as (azure,), client_of(azure.url) as client:
        start = time.monotonic()
        client.predict(PICTURE)
    assert 1 <= time.monotonic() - start < 5
    assert client.counts == Counts(calls=1, retries=2)


def test_a_call_ends_in_time_and_with_the_last_word():
    with clouds([(503, {"retry-after": "60"})]) as (azure,):
        start = time.monotonic()
        with (
            client_of(azure.url, seconds=2) as client,
            pytest.raises(EndpointUnavailableError) as said,
        ):
            client.predict(PICTURE)
        assert time.monotonic() - start < 2
    assert "answered 503" in str(said.value)
    assert azure.asked == client.counts.failures == 1


def test_the_budget_bounds_what_all_calls_retry():
    budget = RetryBudget(share=0.1, per_second=0.5, seconds=10)
    with clouds([OUT]) as (azure,), client_of(azure.url, azure.url, budget=budget) as client:
        for _ in range(20):
            with pytest.raises(EndpointUnavailableError):
                client.predict(PICTURE)
    assert client.counts.retries <= 5 + 2 + 20 * _FIRST_PAUSE
    assert azure.asked == 20 + client.counts.retries


def test_each_cloud_gets_its_own_token_from_the_environment(monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN", "a-token\n")
    with clouds([OK], [OK]) as (azure, gcp):
        copies = [Backend("azure", azure.url, "AZURE_TOKEN"), Backend("gcp", gcp.url)]
        with FailoverClient(copies) as client:
            client.predict(PICTURE)
            client.predict(PICTURE)
    assert (azure.tokens, gcp.tokens) == (["Bearer a-token"], [None])
    monkeypatch.delenv("AZURE_TOKEN")
    with pytest.raises(ConfigurationError, match="AZURE_TOKEN is not set, .* azure's endpoint"):
        FailoverClient(copies)


def test_survey_says_who_is_down_and_skew_names_both_bundles():
    azure, gcp = WorkspaceProcess(OK, digest="aa" * 32), WorkspaceProcess(OK, digest="bb" * 32)
    with client_of(azure.url, gcp.url) as client:
        said = digest_mismatch(client.survey())
    assert said == (
        "the clouds serve different bundles: "
        f"azure version 3 (digest {'aa' * 32}), gcp version 3 (digest {'bb' * 32})"
    )
    with client_of(azure.url, NOBODY) as client:
        up, down = client.survey()
    assert up.deployment.digest == "aa" * 32
    assert (down.cloud, down.deployment) == ("gcp", None)
    assert "does not answer" in down.error
    assert digest_mismatch((up, down)) is None
