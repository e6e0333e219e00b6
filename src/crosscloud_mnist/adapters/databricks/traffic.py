"""What a Model Serving endpoint serves, and with how much of the traffic: read and changed.

https://docs.databricks.com/api/workspace/servingendpoints/updateconfig
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import EndpointError

if TYPE_CHECKING:
    from databricks.sdk.service.serving import ServedEntityInput, ServingEndpointsAPI

FULL_TRAFFIC = 100
_MAX_PAUSE_SECONDS = 10.0

Served = tuple[str, str]  # a registered model and its version


class Traffic:
    """The configuration of one endpoint.

    Args:
        api: The serving endpoints of the workspace.
        name: The endpoint's name.
        size: Workload size: ``Small``, ``Medium`` or ``Large``.
        scale_to_zero: Whether it may stop when nobody asks.
        minutes: How long an update may take.
    """

    def __init__(
        self, api: ServingEndpointsAPI, name: str, *, size: str, scale_to_zero: bool, minutes: float
    ) -> None:
        self._api, self._name = api, name
        self._size, self._scale_to_zero = size, scale_to_zero
        self._seconds = 60 * minutes

    def get_split(self) -> dict[Served, int] | None:
        """Return each served version's percent of the traffic; ``None`` where no endpoint is."""
        from databricks.sdk.errors import NotFound

        try:
            config = self._api.get(self._name).config
        except NotFound:
            return None
        if config is None:
            return {}
        routes = (config.traffic_config and config.traffic_config.routes) or []
        share = {route.served_model_name: route.traffic_percentage for route in routes}
        return {
            (entity.entity_name or "", entity.entity_version or ""): share.get(entity.name, 0)
            for entity in config.served_entities or []
        }

    def create(self, served: Served) -> None:
        """Make the endpoint, and return when it is ready.

        Raises:
            EndpointError: It failed, or took too long.
        """
        from databricks.sdk.service.serving import EndpointCoreConfigInput

        config = EndpointCoreConfigInput(name=self._name, served_entities=[self._entity(served)])
        self._api.create(self._name, config=config)
        self._await()

    def remove(self) -> None:
        """Remove the endpoint, if it is there."""
        from databricks.sdk.errors import NotFound

        with contextlib.suppress(NotFound):
            self._api.delete(self._name)

    def set_split(self, shares: Mapping[Served, int]) -> None:
        """Serve these versions, each with its percent, and return when it is so.

        Raises:
            EndpointError: It failed, or took too long.
        """
        from databricks.sdk.service.serving import Route, TrafficConfig

        self._await(failed=True)  # an update in progress refuses another
        routes = [
            Route(served_model_name=entity_name(served), traffic_percentage=percent)
            for served, percent in shares.items()
        ]
        self._api.update_config(
            self._name,
            served_entities=[self._entity(served) for served in shares],
            traffic_config=TrafficConfig(routes=routes),
        )
        self._await()

    def _entity(self, served: Served) -> ServedEntityInput:
        from databricks.sdk.service.serving import ServedEntityInput

        return ServedEntityInput(
            name=entity_name(served),
            entity_name=served[0],
            entity_version=served[1],
            workload_size=self._size,
            scale_to_zero_enabled=self._scale_to_zero,
        )

    def _await(self, *, failed: bool = False) -> None:
        """Wait until no update is in progress; with ``failed``, one that failed is as good."""
        from databricks.sdk.service.serving import EndpointStateConfigUpdate as Update

        until, pause = time.monotonic() + self._seconds, 0.5
        while time.monotonic() < until:
            state = self._api.get(self._name).state
            update = state and state.config_update
            if update == Update.NOT_UPDATING or (failed and update != Update.IN_PROGRESS):
                return
            if update != Update.IN_PROGRESS:
                raise EndpointError(
                    f"endpoint {self._name} could not be updated ({update and update.value}), "
                    "expected it to serve the version; see its events and its build log"
                )
            time.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)
        raise EndpointError(
            f"endpoint {self._name} is still being updated after {self._seconds:.0f} s, expected "
            "it ready by then; look at its events, and deploy again"
        )


def entity_name(served: Served) -> str:
    """Return the name that a served entity has by default."""
    return f"{served[0].rpartition('.')[2]}-{served[1]}"
