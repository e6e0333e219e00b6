"""What an adapter's own process is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

# The bearer token that the libraries of a process are given in place of the real one. It is no
# secret: ``request_headers.py`` replaces it in requests to the process's workspace only.
PLACEHOLDER_TOKEN = "renewed-by-the-parent-process"  # noqa: S105


@dataclass(frozen=True)
class Authorization:
    """The headers that authorize a request.

    Attributes:
        headers: ``Authorization``, and what else the way of signing in demands.
        fresh_seconds: How long they may be sent until new ones must be asked for.
    """

    headers: Mapping[str, str] = field(repr=False)
    fresh_seconds: float


class SignIn(Protocol):
    """Signs in to one workspace, in the process that has the user's environment.

    Attributes:
        identity: Which workspace and which identity, without secrets: what distinguishes it.
    """

    @property
    def identity(self) -> str: ...  # noqa: D102

    def authorize(self, *, renew: bool) -> Authorization:
        """Return the authorization of the next requests; safe to call from several threads.

        Args:
            renew: Whether the workspace rejected the last one, so that it must not be returned.

        Raises:
            CrosscloudError: There is no way to sign in, or the workspace rejects it.
        """


@dataclass(frozen=True)
class RequestHeaders:
    """The headers of every authorized request that a process sends to its workspace.

    Attributes:
        address: ``scheme://host:port``; requests to other addresses do not get the headers.
        fixed: Headers that never change.
        sign_in: Gives the authorization, which expires; ``None`` where the variables of the process
            hold its credentials.
    """

    address: str
    fixed: Mapping[str, str]
    sign_in: SignIn | None = None

    def identity(self) -> str:
        """Return what distinguishes these headers from those of another process."""
        sign_in = self.sign_in.identity if self.sign_in else ""
        return repr((self.address, sorted(self.fixed.items()), sign_in))


@dataclass(frozen=True)
class ProcessConfig:
    """How to build an adapter in a process of its own.

    An adapter that holds a workspace's credentials declares a static method
    ``process_config(options, credentials)``, which returns one. The catalog then builds that
    adapter in another process (``isolated_process``), never in the one that runs the pipeline.

    Attributes:
        options: Keyword arguments of the adapter's constructor.
        variables: Environment variables of the process, the credentials among them.
        requests: What its requests to the workspace carry besides; ``None`` where nothing.
    """

    options: Mapping[str, object]
    variables: Mapping[str, str] = field(repr=False)
    requests: RequestHeaders | None = None
