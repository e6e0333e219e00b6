"""The configuration of a Model Serving endpoint: what it serves, and how its traffic is split.

https://docs.databricks.com/api/workspace/servingendpoints/updateconfig
"""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.endpoint_settings import EndpointSettings
from crosscloud_mnist.adapters.databricks.inference_table import InferenceTable
from crosscloud_mnist.adapters.databricks.served_entities import (
    ServedVersion,
    Split,
    keep_entity,
    largest_share,
    new_entity,
)
from crosscloud_mnist.adapters.databricks.update import ConfigUpdate

if TYPE_CHECKING:
    from databricks.sdk.service.serving import (
        EndpointCoreConfigOutput,
        ServedEntityInput,
        ServingEndpointsAPI,
    )

FULL_TRAFFIC = 100  # percent


class Traffic:
    """The configuration of one endpoint.

    Args:
        api: The serving endpoints of the workspace.
        settings: The endpoint's settings.
    """

    def __init__(self, api: ServingEndpointsAPI, settings: EndpointSettings) -> None:
        self._api, self._name, self._settings = api, settings.name, settings
        self._inference_table = InferenceTable(api, settings.name, settings.inference_table)
        self._update = ConfigUpdate(api, settings)
        self.wait_for_update = self._update.wait

    def get_split(self) -> dict[ServedVersion, int] | None:
        """Return each served version's percent of the traffic; ``None`` without an endpoint."""
        from databricks.sdk.errors import NotFound

        try:
            config = self._api.get(self._name).config
        except NotFound:
            return None
        return _read_split(config) if config else {}

    def create(self, served: ServedVersion) -> None:
        """Create the endpoint; ``wait_for_update`` returns when it is ready."""
        from databricks.sdk.service.serving import EndpointCoreConfigInput

        entity = new_entity(served, self._settings, None)
        config = EndpointCoreConfigInput(name=self._name, served_entities=[entity])
        with self._inference_table.explain_errors():
            self._api.create(self._name, config=config, ai_gateway=self._inference_table.gateway())

    def set_inference_table(self) -> None:
        """Let an endpoint that exists log its requests as the settings say."""
        self._update.wait(allow_failed=True)
        self._inference_table.apply()

    def delete(self) -> None:
        """Delete the endpoint, if it exists."""
        from databricks.sdk.errors import NotFound

        with contextlib.suppress(NotFound):
            self._api.delete(self._name)

    def set_split(self, split: Split) -> None:
        """Serve these versions, each with its percent, and return when the update is done.

        A version that is served already keeps every setting; a new one gets those of the version
        that has most of the traffic, where conf says nothing else.

        Raises:
            EndpointError: It failed, or took too long.
        """
        from databricks.sdk.service.serving import Route, TrafficConfig

        self._update.wait(allow_failed=True)  # during an update the service rejects another
        served_entities = self._read_entities()
        previous = next(iter(served_entities.values()), None)
        routes = [
            Route(served_model_name=served.entity_name, traffic_percentage=percent)
            for served, percent in split.items()
        ]
        self._api.update_config(
            self._name,
            served_entities=[
                served_entities.get(served) or new_entity(served, self._settings, previous)
                for served in split
            ],
            traffic_config=TrafficConfig(routes=routes),
        )
        self._update.wait()

    def _read_entities(self) -> dict[ServedVersion, ServedEntityInput]:
        """Return the requests that serve what is served now, the one with most traffic first."""
        config = self._api.get(self._name).config
        if config is None or not config.served_entities:
            return {}
        split = _read_split(config)
        kept = {
            served: keep_entity(entity)
            for served in split
            for entity in config.served_entities
            if entity.name == served.entity_name
        }
        first = largest_share(split)
        return {first: kept[first], **kept}


def _read_split(config: EndpointCoreConfigOutput) -> dict[ServedVersion, int]:
    """Return the split; the service names a route's entity by either of two fields."""
    routes = (config.traffic_config and config.traffic_config.routes) or []
    percents = Counter[str | None]()
    for route in routes:
        percents[route.served_model_name or route.served_entity_name] += route.traffic_percentage
    return {
        ServedVersion(
            entity.entity_name or "", entity.entity_version or "", entity.name or ""
        ): percents[entity.name]
        for entity in config.served_entities or []
    }
