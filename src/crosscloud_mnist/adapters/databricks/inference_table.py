"""The inference table of an endpoint: AI Gateway logs requests and responses to Unity Catalog.

https://docs.databricks.com/aws/en/ai-gateway/inference-tables-serving-endpoints. The older tables
(``auto_capture_config``) can no longer be enabled since 2026-02-20.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.endpoint_settings import InferenceTableSettings
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.redaction import summarize

if TYPE_CHECKING:
    from databricks.sdk.service.serving import (
        AiGatewayConfig,
        AiGatewayInferenceTableConfig,
        ServingEndpointsAPI,
    )


class InferenceTable:
    """The inference table of one endpoint.

    Args:
        api: The serving endpoints of the workspace.
        endpoint: The endpoint's name.
        settings: The table; ``None`` leaves the endpoint's table as it is.
    """

    def __init__(
        self, api: ServingEndpointsAPI, endpoint: str, settings: InferenceTableSettings | None
    ) -> None:
        self._api, self._endpoint, self._settings = api, endpoint, settings

    def gateway(self) -> AiGatewayConfig | None:
        """Return what a new endpoint is created with."""
        from databricks.sdk.service.serving import AiGatewayConfig

        if self._settings is None or not self._settings.enabled:
            return None
        return AiGatewayConfig(inference_table_config=_to_request(self._settings))

    def apply(self) -> None:
        """Change the table of an endpoint that exists, where it is not as the settings say.

        The request replaces the whole gateway, so its limits and guardrails are sent again. A table
        that is enabled must be disabled before its name may change (databricks-sdk,
        ``AiGatewayInferenceTableConfig``).

        Raises:
            EndpointError: The service rejects the table.
        """
        if self._settings is None:
            return
        current = self._api.get(self._endpoint).ai_gateway
        table = current and current.inference_table_config
        if not self._settings.enabled:
            if table and table.enabled:
                self._put(current, replace(table, enabled=False))
            return
        request = _to_request(self._settings)
        if table == request:
            return
        if table and table.enabled:
            self._put(current, replace(table, enabled=False))
        self._put(current, request)

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Name the table, and what it needs, in the error of a request that the service rejects.

        Raises:
            EndpointError: The service rejected the block's request.
        """
        from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied

        try:
            yield
        except (BadRequest, NotFound, PermissionDenied) as error:
            if self._settings is None or not self._settings.enabled:
                raise
            reason = summarize(str(error))
            raise EndpointError(
                f"endpoint {self._endpoint} could not be set up ({reason}), expected a "
                f"version that is ready, and for its inference table {self._settings.table} an "
                "existing schema of this workspace with USE CATALOG, USE SCHEMA and CREATE TABLE "
                "(a catalog that Delta Sharing mounts cannot hold it); correct "
                "endpoint.inference_table in the globals, or set its enabled to false"
            ) from error

    def _put(self, current: AiGatewayConfig | None, table: AiGatewayInferenceTableConfig) -> None:
        from databricks.sdk.service.serving import AiGatewayConfig

        gateway = replace(current or AiGatewayConfig(), inference_table_config=table)
        with self.explain_errors():
            self._api.put_ai_gateway(
                self._endpoint,
                **{each.name: getattr(gateway, each.name) for each in fields(gateway)},
            )


def _to_request(settings: InferenceTableSettings) -> AiGatewayInferenceTableConfig:
    from databricks.sdk.service.serving import AiGatewayInferenceTableConfig

    return AiGatewayInferenceTableConfig(
        catalog_name=settings.catalog,
        schema_name=settings.schema,
        table_name_prefix=settings.prefix,
        enabled=settings.enabled,
    )
