"""Requests to a Model Serving endpoint, and whether its predictions are the recorded ones."""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.adapters.databricks.cold_start import call_until_started
from crosscloud_mnist.adapters.databricks.request_limits import RequestLimits
from crosscloud_mnist.adapters.databricks.served_entities import ServedVersion
from crosscloud_mnist.adapters.databricks.traffic import FULL_TRAFFIC
from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Golden
from crosscloud_mnist.errors import EndpointError

if TYPE_CHECKING:
    from databricks.sdk.core import ApiClient

_CANARY_RESPONSES = 3
# The limit, in multiples of the mean number of requests until the canary responds. A canary that
# has its share of the traffic misses it with a probability below 1e-8.
_MAX_MEAN_REQUESTS = 20

# The service ends a request after 297 s
# (https://docs.databricks.com/aws/en/machine-learning/model-serving/model-serving-limits). Retries
# are ``call_until_started``'s, which shows them: the SDK makes one request.
INVOCATION_LIMITS = RequestLimits(request_seconds=300, retry_seconds=1, max_wait_seconds=60)

logger = logging.getLogger(__name__)


class Invocations:
    """Sends images to one endpoint.

    Args:
        api: Of the workspace, with ``INVOCATION_LIMITS``.
        name: The endpoint's name.
        url: The endpoint's address, for messages.
        cold_start_seconds: How long a request waits for an endpoint that starts.
    """

    def __init__(self, api: ApiClient, name: str, url: str, cold_start_seconds: float) -> None:
        self._api, self._name, self._url = api, name, url
        self._cold_start_seconds = cold_start_seconds

    def predict(
        self, images: NDArray[np.uint8], served: ServedVersion | None = None
    ) -> tuple[NDArray[np.float64], str]:
        """Return the probabilities, and the name of the served entity that predicted them.

        Args:
            images: ``[n, *image_shape]``, uint8.
            served: The version to ask on its own route; ``None`` asks the endpoint.

        Returns:
            ``[n, classes]``, float64; and the name.

        Raises:
            EndpointError: The response holds no predictions.
        """
        route = f"/served-models/{served.entity_name}" if served else ""
        send = partial(
            self._api.do,
            "POST",
            f"/serving-endpoints/{self._name}{route}/invocations",
            body={"instances": images.tolist()},
            response_headers=["served-model-name"],
        )
        response = call_until_started(send, f"endpoint {self._name}", self._cold_start_seconds)
        try:
            probabilities = np.array(response["predictions"], dtype=np.float64)
            is_valid = probabilities.ndim == 2 and len(probabilities) == len(images)
        except (KeyError, TypeError, ValueError):
            is_valid = False
        if not is_valid:
            raise EndpointError(
                f"{self._url} returned no predictions, expected the probabilities of all classes "
                "for each image; check that the endpoint is the model's"
            )
        return probabilities, str(response.get("served-model-name"))

    def verify(self, served: ServedVersion, golden: Golden) -> None:
        """Compare the predictions of that version for the golden set with the recorded ones.

        Raises:
            EndpointError: A prediction is not the recorded one.
        """
        probabilities, _ = self.predict(golden.images, served)
        self._compare(probabilities, golden, served)

    def sample_canary(self, canary: ServedVersion, golden: Golden, percent: int) -> None:
        """Send requests to the endpoint until the canary has predicted three of them.

        Args:
            canary: The version that gets a share of the traffic.
            golden: What is sent, and the recorded predictions.
            percent: The canary's share of the traffic.

        Raises:
            EndpointError: A prediction of the canary is not the recorded one, or it predicted none.
        """
        max_requests = math.ceil(_MAX_MEAN_REQUESTS * FULL_TRAFFIC / max(1, percent))
        requests = responses = 0
        while responses < _CANARY_RESPONSES and requests < max_requests:
            probabilities, entity_name = self.predict(golden.images)
            requests += 1
            if entity_name == canary.entity_name:
                self._compare(probabilities, golden, canary)
                responses += 1
        if not responses:
            raise EndpointError(
                f"version {canary.version} at {self._url} responded to none of {requests} "
                f"requests, expected it to get {percent} % of them; look at the endpoint's traffic "
                "and deploy again"
            )
        logger.info("canary %s: %d of %d responses, verified", canary.version, responses, requests)

    def _compare(
        self, probabilities: NDArray[np.float64], golden: Golden, served: ServedVersion
    ) -> None:
        if probabilities.shape != golden.expected.shape:
            raise EndpointError(
                f"version {served.version} at {self._url} returned {probabilities.shape[1]} "
                f"probabilities for an image, expected {golden.expected.shape[1]}; promote the "
                "model again"
            )
        difference = float(np.abs(probabilities - golden.expected).max(initial=0))
        if not difference <= CROSS_HOST_TOLERANCE:  # written so that NaN fails
            raise EndpointError(
                f"version {served.version} at {self._url} differs by up to {difference:.2g} from "
                f"its golden answers, expected at most {CROSS_HOST_TOLERANCE:.0g}; promote the "
                "model again"
            )
