"""What each cloud serves at this moment, and whether all serve the same bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.ports import Deployment


class _Describable(Protocol):
    def describe(self) -> Deployment: ...


@dataclass(frozen=True)
class EndpointStatus:
    """The status of one cloud's endpoint.

    Attributes:
        cloud: The cloud's name.
        deployment: What the endpoint reports that it serves; ``None`` where it did not answer.
        error: Why it did not answer, in one line.
    """

    cloud: str
    deployment: Deployment | None
    error: str | None = None


def survey(endpoints: Mapping[str, _Describable]) -> tuple[EndpointStatus, ...]:
    """Return the status of every cloud's endpoint; one that is down is a status, not an error."""
    statuses = []
    for cloud, endpoint in endpoints.items():
        try:
            statuses.append(EndpointStatus(cloud, endpoint.describe()))
        except EndpointError as error:
            statuses.append(EndpointStatus(cloud, None, str(error)))
    return tuple(statuses)


def digest_mismatch(statuses: Sequence[EndpointStatus]) -> str | None:
    """Describe which cloud serves which bundle; ``None`` where all serve the same one."""
    live = [(each.cloud, each.deployment) for each in statuses if each.deployment is not None]
    if len({deployment.digest for _, deployment in live}) < 2:
        return None
    return "the clouds serve different bundles: " + ", ".join(
        f"{cloud} version {deployment.model_version} (digest {deployment.digest})"
        for cloud, deployment in live
    )
