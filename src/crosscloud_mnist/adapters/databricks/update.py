"""An update of an endpoint's configuration: awaited, and explained by its build log if it fails."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.build_log import BuildLog
from crosscloud_mnist.adapters.databricks.endpoint_settings import EndpointSettings
from crosscloud_mnist.errors import EndpointError

if TYPE_CHECKING:
    from databricks.sdk.service.serving import (
        ServedEntityOutput,
        ServingEndpointDetailed,
        ServingEndpointsAPI,
    )

_MAX_PAUSE_SECONDS = 10.0
_PROGRESS_SECONDS = 30.0

logger = logging.getLogger(__name__)


class ConfigUpdate:
    """The updates of one endpoint.

    Args:
        api: The serving endpoints of the workspace.
        settings: The endpoint's settings.
    """

    def __init__(self, api: ServingEndpointsAPI, settings: EndpointSettings) -> None:
        self._api, self._name = api, settings.name
        self._timeout_seconds = 60 * settings.update_minutes
        self._build_log = BuildLog(api, settings.name, settings.build_log)

    def wait(self, *, allow_failed: bool = False) -> None:
        """Return when no update is in progress.

        Args:
            allow_failed: Whether to return after a failed update, too.

        Raises:
            EndpointError: The update failed, or took too long.
        """
        from databricks.sdk.service.serving import EndpointStateConfigUpdate as Update

        started, pause_seconds = time.monotonic(), 0.5
        reported = started
        while (now := time.monotonic()) < started + self._timeout_seconds:
            endpoint = self._api.get(self._name)
            update = endpoint.state and endpoint.state.config_update
            if update == Update.NOT_UPDATING or (allow_failed and update != Update.IN_PROGRESS):
                return
            if update != Update.IN_PROGRESS:
                raise self._failure(endpoint)
            if now >= reported + _PROGRESS_SECONDS:
                reported = now
                logger.info(
                    "endpoint %s is being updated for %.0f s: %s",
                    self._name,
                    now - started,
                    _describe_entities(_updated_entities(endpoint)),
                )
            time.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _MAX_PAUSE_SECONDS)
        raise EndpointError(
            f"endpoint {self._name} is still being updated after {self._timeout_seconds:.0f} s, "
            "expected it ready by then; look at its events, and run kedro run --pipelines deploy"
        )

    def _failure(self, endpoint: ServingEndpointDetailed) -> EndpointError:
        """Return the error of an update that failed, with what the service says about it."""
        update = endpoint.state and endpoint.state.config_update
        entities = _failed_entities(endpoint)
        names = [entity.name for entity in entities if entity.name]
        return EndpointError(
            f"endpoint {self._name} could not be updated ({update and update.value}: "
            f"{_describe_entities(entities)}; {self._build_log.describe(names)}), expected it to "
            "serve the version; correct what the log names, and run kedro run --pipelines deploy"
        )


def _updated_entities(endpoint: ServingEndpointDetailed) -> list[ServedEntityOutput]:
    config = endpoint.pending_config or endpoint.config
    return (config and config.served_entities) or []


def _failed_entities(endpoint: ServingEndpointDetailed) -> list[ServedEntityOutput]:
    """Return the entities that failed; all of the update's where the service names none."""
    from databricks.sdk.service.serving import ServedModelStateDeployment as Deployment

    failed = (Deployment.DEPLOYMENT_FAILED, Deployment.DEPLOYMENT_ABORTED)
    entities = _updated_entities(endpoint)
    return [
        entity for entity in entities if entity.state and entity.state.deployment in failed
    ] or entities


def _describe_entities(entities: list[ServedEntityOutput]) -> str:
    """Return each entity's state: ``mnist_cnn-3 DEPLOYMENT_CREATING (Creating container)``."""
    descriptions = []
    for entity in entities:
        state = entity.state
        deployment = state.deployment.value if state and state.deployment else "unknown"
        message = (state and state.deployment_state_message) or ""
        descriptions.append(f"{entity.name} {deployment}" + (f" ({message})" if message else ""))
    return ", ".join(descriptions) or "it names no served entity"
