"""What a workspace's process adds to its requests: to that workspace's alone, and renewed."""

from __future__ import annotations

import io
import threading
from multiprocessing.connection import Pipe

import pytest
import requests
from requests.adapters import HTTPAdapter

from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.isolation import request_headers
from crosscloud_mnist.isolation.authorization import AuthorizationClient, serve_authorization
from crosscloud_mnist.isolation.process_config import PLACEHOLDER_TOKEN, Authorization
from crosscloud_mnist.redaction import redact

HOST = "https://adb-1.azuredatabricks.net"
PLACEHOLDER = {"Authorization": f"Bearer {PLACEHOLDER_TOKEN}"}


class Tokens:
    """Signs in with one token after the other; see ``SignIn``."""

    identity = "tokens"

    def __init__(self, *tokens, fresh_seconds=60.0):
        self.tokens, self.fresh_seconds, self.renewals = list(tokens), fresh_seconds, []

    def authorize(self, *, renew):
        self.renewals.append(renew)
        if not self.tokens:
            raise ConfigurationError("no way to sign in was found")
        token = self.tokens.pop(0)
        return Authorization({"Authorization": f"Bearer {token}"}, self.fresh_seconds)


@pytest.fixture
def accepted(monkeypatch):
    """The tokens that the workspace accepts, and the requests that it received."""
    service = {"tokens": set(), "received": [], "status": 401, "body": b""}

    def send(adapter, request, **options):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        body = request.body.read() if hasattr(request.body, "read") else request.body
        service["received"].append((token, body, request.headers))
        response = requests.Response()
        is_accepted = token in service["tokens"]
        response.status_code = 200 if is_accepted else service["status"]
        response.raw = io.BytesIO(b"" if is_accepted else service["body"])
        response.request, response.url = request, request.url
        return response

    monkeypatch.setattr(HTTPAdapter, "send", send)
    return service


@pytest.fixture
def install():
    """Return a function that installs the headers for a way of signing in."""
    ends = []

    def install_(sign_in, fixed=None):
        parent, child = Pipe()
        ends.append(child)
        thread = threading.Thread(target=serve_authorization, args=(parent, sign_in), daemon=True)
        thread.start()
        request_headers.install(HOST, fixed or {}, AuthorizationClient(child))

    yield install_
    for end in ends:
        end.close()


def tokens_of(service):
    return [token for token, _, _ in service["received"]]


def test_the_placeholder_is_replaced_in_requests_to_the_workspace_alone(accepted, install):
    install(Tokens("a-token-of-this-workspace"), {"x-databricks-org-id": "1111"})
    accepted["tokens"] = {"a-token-of-this-workspace"}
    assert requests.get(f"{HOST}/api/2.0/x", headers=PLACEHOLDER, timeout=1).ok
    for other in ("https://adb-2.azuredatabricks.net/", f"{HOST}:8443/", "http://adb-1.azure.net/"):
        requests.get(other, headers=PLACEHOLDER, timeout=1)
    requests.get(f"{HOST}/oidc/v1/token", timeout=1)
    assert tokens_of(accepted) == ["a-token-of-this-workspace", *[PLACEHOLDER_TOKEN] * 3, ""]
    ids = [headers.get("x-databricks-org-id") for _, _, headers in accepted["received"]]
    assert ids == ["1111", None, None, None, None]


def test_a_token_is_kept_until_it_is_about_to_expire(accepted, install):
    sign_in = Tokens("first-token", "second-token", fresh_seconds=0.0)
    install(sign_in)
    accepted["tokens"] = {"first-token", "second-token", "third-token"}
    for _ in range(2):
        requests.get(HOST, headers=PLACEHOLDER, timeout=1)
    assert tokens_of(accepted) == ["first-token", "second-token"]
    assert sign_in.renewals == [False, False]
    install(kept := Tokens("third-token", fresh_seconds=60.0))
    for _ in range(2):
        requests.get(HOST, headers=PLACEHOLDER, timeout=1)
    assert kept.renewals == [False]


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b"bytes", b"bytes"),
        (io.BytesIO(b"a stream"), b"a stream"),
        (None, None),
    ],
)
@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, b""), (403, b"Token is expiring within 30 seconds. (token expired)")],
)
def test_a_request_whose_token_is_rejected_is_sent_once_more_with_its_body(
    accepted, install, body, sent, status, reason
):
    if hasattr(body, "seek"):
        body.seek(0)
    sign_in = Tokens("expired-token", "renewed-token")
    install(sign_in)
    accepted |= {"tokens": {"renewed-token"}, "status": status, "body": reason}
    assert requests.put(HOST, data=body, headers=PLACEHOLDER, timeout=1).ok
    assert tokens_of(accepted) == ["expired-token", "renewed-token"]
    assert [content for _, content, _ in accepted["received"]] == [sent, sent]
    assert sign_in.renewals == [False, True]


def test_a_body_that_cannot_be_sent_again_is_not(accepted, install):
    install(Tokens("expired-token", "renewed-token"))
    accepted["tokens"] = {"renewed-token"}
    body = (part for part in [b"a", b"b"])
    assert requests.put(HOST, data=body, headers=PLACEHOLDER, timeout=1).status_code == 401
    assert tokens_of(accepted) == ["expired-token"]


def test_a_missing_permission_and_a_second_rejection_are_returned(accepted, install):
    sign_in = Tokens("a-token-of-this-job", "another-token")
    install(sign_in)
    accepted |= {"status": 403, "body": b"does not have EXECUTE"}
    assert requests.get(HOST, headers=PLACEHOLDER, timeout=1).status_code == 403
    assert sign_in.renewals == [False]
    accepted |= {"status": 401}
    assert requests.get(HOST, headers=PLACEHOLDER, timeout=1).status_code == 401
    assert tokens_of(accepted) == ["a-token-of-this-job"] * 2 + ["another-token"]


def test_an_error_of_signing_in_is_raised_in_the_process_as_itself(accepted, install):
    install(Tokens())
    with pytest.raises(ConfigurationError, match="no way to sign in was found"):
        requests.get(HOST, headers=PLACEHOLDER, timeout=1)
    assert not accepted["received"]


def test_where_the_parent_has_ended_the_request_fails_in_one_line(accepted):
    parent, child = Pipe()
    parent.close()
    request_headers.install(HOST, {}, AuthorizationClient(child))
    with pytest.raises(RegistryError, match="the process that signs in has ended"):
        requests.get(HOST, headers=PLACEHOLDER, timeout=1)
    assert not accepted["received"]


def test_a_token_that_was_given_to_the_process_is_masked_in_its_messages(accepted, install):
    install(Tokens("eyJ-token-of-this-test"))
    accepted["tokens"] = {"eyJ-token-of-this-test"}
    requests.get(HOST, headers=PLACEHOLDER, timeout=1)
    assert redact("rejected eyJ-token-of-this-test", []) == "rejected ***"
