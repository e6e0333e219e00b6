"""Call the endpoints that serve the model: one, or those of several clouds as one."""

from crosscloud_mnist.client.endpoint import EndpointClient
from crosscloud_mnist.client.failover import Backend, Counts, FailoverClient
from crosscloud_mnist.client.status import EndpointStatus, digest_mismatch, survey

__all__ = [
    "Backend",
    "Counts",
    "EndpointClient",
    "EndpointStatus",
    "FailoverClient",
    "digest_mismatch",
    "survey",
]
