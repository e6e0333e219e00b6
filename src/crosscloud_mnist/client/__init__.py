"""Call the endpoints that serve the model: one, or those of several clouds as one."""

from crosscloud_mnist.client.backend import Backend
from crosscloud_mnist.client.bearer import BearerToken, TokenSource
from crosscloud_mnist.client.endpoint import EndpointClient
from crosscloud_mnist.client.failover import Counts, FailoverClient
from crosscloud_mnist.client.status import EndpointStatus, digest_mismatch, survey
from crosscloud_mnist.client.timing import TimedPrediction, predict_timed

__all__ = [
    "Backend",
    "BearerToken",
    "Counts",
    "EndpointClient",
    "EndpointStatus",
    "FailoverClient",
    "TimedPrediction",
    "TokenSource",
    "digest_mismatch",
    "predict_timed",
    "survey",
]
