"""Checks of a serving endpoint: the permission, the header of its responses, its AI Gateway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from crosscloud_mnist.adapters.databricks.invocations import Invocations
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.isolation.check_runner import NotApplicableError, Step

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.serving import ServingEndpointDetailed

_PERMISSION = "CAN_MANAGE"
_COLD_START_SECONDS = 45.0


class ServingChecks:
    """Checks one endpoint.

    Args:
        open_client: Returns a client of the workspace.
        name: The endpoint's name.
        image_shape: Of an image, as the contract in conf has it.
        has_inference_table: Whether conf wants an inference table.
    """

    def __init__(
        self,
        open_client: Callable[[], WorkspaceClient],
        name: str,
        *,
        image_shape: Sequence[int],
        has_inference_table: bool,
    ) -> None:
        self._open_client, self._name = open_client, name
        self._blank_image = np.zeros((1, *image_shape), np.uint8)
        self._has_inference_table = has_inference_table

    def steps(self) -> list[Step]:
        """Return the steps; they need the check ``sign-in``."""
        existing = ["sign-in", "endpoint"]
        return [
            Step("endpoint", "an endpoint that serves", self._check_endpoint, ["sign-in"]),
            Step(
                "endpoint permission",
                _PERMISSION,
                self._check_permission,
                existing,
                remedy="grant it as docs/permissions.md says (infra/terraform does)",
            ),
            Step(
                "endpoint response",
                "probabilities, and the served version's name in a header",
                self._check_response,
                existing,
                timeout_seconds=60,
            ),
            Step(
                "inference table",
                "AI Gateway writes an inference table, which monitor reads",
                self._check_inference_table,
                existing,
                is_required=self._has_inference_table,
            ),
        ]

    def _get(self) -> ServingEndpointDetailed:
        from databricks.sdk.errors import NotFound

        try:
            return self._open_client().serving_endpoints.get(self._name)
        except NotFound:
            raise NotApplicableError(f"there is no endpoint {self._name} yet") from None

    def _check_endpoint(self) -> str:
        state = self._get().state
        return f"{self._name} is {state.ready.value if state and state.ready else 'of no state'}"

    def _check_permission(self) -> str:
        level = self._get().permission_level
        if level is None or level.value != _PERMISSION:
            raise EndpointError(
                f"{level.value if level else 'no permission'} on {self._name}, expected "
                f"{_PERMISSION}; grant it as docs/permissions.md says (infra/terraform does)"
            )
        return level.value

    def _check_response(self) -> str:
        endpoint = self._get()
        if not (endpoint.config and endpoint.config.served_entities):
            raise NotApplicableError(f"{self._name} serves nothing yet")
        client = self._open_client()
        url = f"{client.config.host}/serving-endpoints/{self._name}/invocations"
        _, served = Invocations(client.api_client, self._name, url, _COLD_START_SECONDS).predict(
            self._blank_image
        )
        names = [entity.name for entity in endpoint.config.served_entities]
        if served not in names:
            raise EndpointError(
                f"the header served-model-name is {served}, expected one of "
                f"{', '.join(map(str, names))}: deploy finds the canary by it; report it"
            )
        return f"served-model-name: {served}"

    def _check_inference_table(self) -> str:
        gateway = self._get().ai_gateway
        table = gateway.inference_table_config if gateway else None
        if table is None or not table.enabled:
            raise EndpointError(
                f"{self._name} has no inference table, expected one, enabled in AI Gateway; run "
                "kedro run --pipelines deploy, which enables it"
            )
        return f"{table.catalog_name}.{table.schema_name}, prefix {table.table_name_prefix}"
