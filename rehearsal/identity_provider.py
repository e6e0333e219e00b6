"""An OIDC issuer, as the one of GitHub Actions or Azure DevOps: signs the ID tokens of CI jobs.

https://docs.github.com/en/actions/concepts/security/openid-connect
https://learn.microsoft.com/en-us/rest/api/azure/devops/distributedtask/oidctoken/create
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rehearsal.tokens import ACCOUNT_ID, AZURE_DEVOPS_AUDIENCE, Issuer

_LIFETIME_SECONDS = 300


class IdentityProvider:
    """The issuer, and the addresses at which a CI job asks it for its ID token."""

    def __init__(self, port: int) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._job_token = secrets.token_hex(16)
        self.address = f"http://127.0.0.1:{port}"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """Serve the addresses until the end of the block."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        provider = server.provider = cls(server.server_port)  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    @property
    def issuer(self) -> Issuer:
        """What a workspace trusts."""
        public_key = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return Issuer(self.address, public_key.decode())

    def id_token(
        self, subject: str, audience: str = ACCOUNT_ID, seconds: float = _LIFETIME_SECONDS
    ) -> str:
        """Return a signed ID token."""
        now = time.time()
        claims = {"iss": self.address, "sub": subject, "aud": audience, "iat": int(now)}
        return jwt.encode({**claims, "exp": now + seconds}, self._key, algorithm="ES256")

    def github_variables(self, subject: str) -> dict[str, str]:
        """Return the environment of a job of GitHub Actions with ``id-token: write``."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.address}/github?sub={quote(subject)}",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self._job_token,
        }

    def azure_devops_variables(self, subject: str) -> dict[str, str]:
        """Return the environment of a job of Azure DevOps."""
        return {
            "SYSTEM_ACCESSTOKEN": self._job_token,
            "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": f"{self.address}/bank/",
            "SYSTEM_TEAMPROJECTID": "project",
            "SYSTEM_PLANID": "plan",
            "SYSTEM_JOBID": quote(subject, safe=""),
            "SYSTEM_HOSTTYPE": "build",
        }

    def respond(self, method: str, path: str, authorization: str) -> dict[str, str] | None:
        """Return the body of a response, or ``None`` where the request is rejected."""
        address = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if authorization != f"Bearer {self._job_token}":
            return None
        if method == "GET" and address.path == "/github" and "audience" in query:
            return {"value": self.id_token(query["sub"], query["audience"])}
        parts = address.path.strip("/").split("/")
        if method == "POST" and parts[-1] == "oidctoken" and parts[-3] == "jobs":
            return {"oidcToken": self.id_token(unquote(parts[-2]), AZURE_DEVOPS_AUDIENCE)}
        return None


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def _respond(self) -> None:
        provider: IdentityProvider = self.server.provider  # type: ignore[attr-defined]
        authorization = self.headers.get("authorization", "")
        body = provider.respond(self.command, self.path, authorization)
        content = json.dumps(body or {}).encode()
        self.send_response(200 if body else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no log: the path may hold what should not be in it."""
