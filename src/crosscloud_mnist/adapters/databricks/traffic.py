"""What a Model Serving endpoint serves, and how its traffic is split.

https://docs.databricks.com/api/workspace/servingendpoints/updateconfig
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.ports import served_entity_name

if TYPE_CHECKING:
    from databricks.sdk.service.serving import ServedEntityInput, ServingEndpointsAPI

FULL_TRAFFIC = 100  # percent
_MAX_PAUSE_SECONDS = 10.0


@dataclass(frozen=True)
class ServedVersion:
    """A version that an endpoint serves.

    Attributes:
        name: The registered model.
        version: Its version.
    """

    name: str
    version: str

    @property
    def entity_name(self) -> str:
        """The name of the served entity."""
        return served_entity_name(self.name, self.version)


Split = Mapping[ServedVersion, int]  # each version's percent of the traffic


class Traffic:
    """The configuration of one endpoint.

    Args:
        api: The serving endpoints of the workspace.
        name: The endpoint's name.
        size: Workload size: ``Small``, ``Medium`` or ``Large``.
        scale_to_zero: Whether it may stop when there are no requests.
        minutes: How long an update may take.
    """

    def __init__(
        self, api: ServingEndpointsAPI, name: str, *, size: str, scale_to_zero: bool, minutes: float
    ) -> None:
        self._api, self._name = api, name
        self._size, self._scale_to_zero = size, scale_to_zero
        self._timeout_seconds = 60 * minutes

    def get_split(self) -> dict[ServedVersion, int] | None:
        """Return each served version's percent of the traffic; ``None`` without an endpoint."""
        from databricks.sdk.errors import NotFound

        try:
            config = self._api.get(self._name).config
        except NotFound:
            return None
        if config is None:
            return {}
        routes = (config.traffic_config and config.traffic_config.routes) or []
        percents = {route.served_model_name: route.traffic_percentage for route in routes}
        return {
            ServedVersion(entity.entity_name or "", entity.entity_version or ""): percents.get(
                entity.name, 0
            )
            for entity in config.served_entities or []
        }

    def create(self, served: ServedVersion) -> None:
        """Create the endpoint; ``wait_for_update`` returns when it is ready."""
        from databricks.sdk.service.serving import EndpointCoreConfigInput

        config = EndpointCoreConfigInput(name=self._name, served_entities=[self._entity(served)])
        self._api.create(self._name, config=config)

    def delete(self) -> None:
        """Delete the endpoint, if it exists."""
        from databricks.sdk.errors import NotFound

        with contextlib.suppress(NotFound):
            self._api.delete(self._name)

    def set_split(self, split: Split) -> None:
        """Serve these versions, each with its percent, and return when the update is done.

        Raises:
            EndpointError: It failed, or took too long.
        """
        from databricks.sdk.service.serving import Route, TrafficConfig

        self.wait_for_update(allow_failed=True)  # during an update the service rejects another
        routes = [
            Route(served_model_name=served.entity_name, traffic_percentage=percent)
            for served, percent in split.items()
        ]
        self._api.update_config(
            self._name,
            served_entities=[self._entity(served) for served in split],
            traffic_config=TrafficConfig(routes=routes),
        )
        self.wait_for_update()

    def wait_for_update(self, *, allow_failed: bool = False) -> None:
        """Return when no update is in progress.

        Args:
            allow_failed: Whether to return after a failed update, too.

        Raises:
            EndpointError: The update failed, or took too long.
        """
        from databricks.sdk.service.serving import EndpointStateConfigUpdate as Update

        deadline, pause_seconds = time.monotonic() + self._timeout_seconds, 0.5
        while time.monotonic() < deadline:
            state = self._api.get(self._name).state
            update = state and state.config_update
            if update == Update.NOT_UPDATING or (allow_failed and update != Update.IN_PROGRESS):
                return
            if update != Update.IN_PROGRESS:
                raise EndpointError(
                    f"endpoint {self._name} could not be updated ({update and update.value}), "
                    "expected it to serve the version; look at its events and its build log"
                )
            time.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _MAX_PAUSE_SECONDS)
        raise EndpointError(
            f"endpoint {self._name} is still being updated after {self._timeout_seconds:.0f} s, "
            "expected it ready by then; look at its events, and run kedro run --pipelines deploy"
        )

    def _entity(self, served: ServedVersion) -> ServedEntityInput:
        from databricks.sdk.service.serving import ServedEntityInput

        return ServedEntityInput(
            name=served.entity_name,
            entity_name=served.name,
            entity_version=served.version,
            workload_size=self._size,
            scale_to_zero_enabled=self._scale_to_zero,
        )


def largest_share(split: Split) -> ServedVersion:
    """Return the version with most of the traffic."""
    return max(split, key=lambda served: split[served])
