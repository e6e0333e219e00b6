"""How the copies of a model stand: which cloud answers, and whether all serve the same bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.ports import Deployment


class _Describes(Protocol):
    def describe(self) -> Deployment: ...


@dataclass(frozen=True)
class EndpointStatus:
    """One cloud's copy at this moment.

    Attributes:
        cloud: Its name.
        deployment: What it serves, by its own word; ``None`` where it does not say.
        error: Why it does not say, in one line.
    """

    cloud: str
    deployment: Deployment | None
    error: str | None = None


def survey(endpoints: Mapping[str, _Describes]) -> tuple[EndpointStatus, ...]:
    """Ask every cloud's endpoint what it serves; one that is down is a row, not an error."""
    statuses = []
    for cloud, endpoint in endpoints.items():
        try:
            statuses.append(EndpointStatus(cloud, endpoint.describe()))
        except EndpointError as error:
            statuses.append(EndpointStatus(cloud, None, str(error)))
    return tuple(statuses)


def digest_mismatch(statuses: Sequence[EndpointStatus]) -> str | None:
    """Say which cloud serves which bundle, where they are not all the same one."""
    live = [(each.cloud, each.deployment) for each in statuses if each.deployment is not None]
    if len({deployment.digest for _, deployment in live}) < 2:
        return None
    return "the clouds serve different bundles: " + ", ".join(
        f"{cloud} version {deployment.model_version} (digest {deployment.digest})"
        for cloud, deployment in live
    )
