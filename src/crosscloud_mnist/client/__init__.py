"""Call the endpoints that serve the model: one, or the copies that several clouds serve."""

from crosscloud_mnist.client.endpoint import EndpointClient
from crosscloud_mnist.client.redundant import Copy, Counts, RedundantClient
from crosscloud_mnist.client.standing import Standing, skew, survey

__all__ = [
    "Copy",
    "Counts",
    "EndpointClient",
    "RedundantClient",
    "Standing",
    "skew",
    "survey",
]
