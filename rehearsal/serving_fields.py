"""The fields that Model Serving takes, and what it rejects.

The names and types of the fields are those of the SDK's requests (databricks-sdk,
``service/serving.py``): a field that the SDK does not know is rejected.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from databricks.sdk.service import serving

from rehearsal.serving_switches import ServingSwitches
from rehearsal.unity_catalog_store import version_of
from rehearsal.workspace import Fields, Workspace, invalid_value, not_found, require_fields

_FULL_TRAFFIC = 100
_SIZES = ("Small", "Medium", "Large")
_CREATE = {
    *("name", "config", "ai_gateway", "tags", "rate_limits", "route_optimized"),
    *("budget_policy_id", "description", "email_notifications", "telemetry_config"),
}
_TABLE_NAMES = ("catalog_name", "schema_name", "table_name_prefix")

Traffic = dict[str, int]  # percent, by the served entity's name


def check_create(body: Fields) -> None:
    """Check the fields of a request that creates an endpoint.

    Raises:
        ApiError: There is a field that the service does not know.
    """
    _check_names(body, _CREATE, "CreateServingEndpoint")


async def parse_config(workspace: Workspace, config: Fields) -> tuple[dict[str, Fields], Traffic]:
    """Return the served entities, with all their settings, and their traffic, by their names.

    Raises:
        ApiError: The configuration is not valid, or names a version that is not ready.
    """
    _check_names(config, _names_of(serving.EndpointCoreConfigInput), "EndpointCoreConfigInput")
    if config.get("auto_capture_config"):
        raise invalid_value(
            "Legacy inference tables can no longer be enabled; use AI Gateway inference tables."
        )
    entities: dict[str, Fields] = {}
    for entity in config.get("served_entities") or []:
        parsed = await _parse_entity(workspace, entity)
        if parsed["name"] in entities:
            raise invalid_value(f"The served entity name '{parsed['name']}' is not unique.")
        entities[parsed["name"]] = parsed
    if not entities:
        raise invalid_value("Missing value for required parameter 'served_entities'.")
    return entities, _parse_traffic(config.get("traffic_config"), entities)


def parse_gateway(
    workspace: Workspace, switches: ServingSwitches, gateway: Fields, current: Fields
) -> Fields:
    """Return the AI Gateway of an endpoint.

    Args:
        workspace: The workspace.
        switches: Its switches.
        gateway: The request's; it replaces the current one.
        current: The endpoint's so far.

    Raises:
        ApiError: A field is unknown, or the inference table cannot be where it is to be.
    """
    _check_names(gateway, _names_of(serving.AiGatewayConfig), "AiGatewayConfig")
    table = gateway.get("inference_table_config") or {}
    names = _names_of(serving.AiGatewayInferenceTableConfig)
    _check_names(table, names, "AiGatewayInferenceTableConfig")
    if table.get("enabled"):
        catalog, schema, _ = require_fields(table, *_TABLE_NAMES)
        if catalog in switches.shared_catalogs:
            raise invalid_value(f"Catalog '{catalog}' is a Delta Sharing catalog.")
        if f"{catalog}.{schema}" not in workspace.schemas:
            raise not_found(f"Schema '{catalog}.{schema}'")
        before = current.get("inference_table_config") or {}
        moved = [name for name in _TABLE_NAMES if before.get(name) != table.get(name)]
        if before.get("enabled") and moved:
            raise invalid_value(f"Disable the inference table before changing {', '.join(moved)}.")
    return gateway


async def _parse_entity(workspace: Workspace, entity: Fields) -> Fields:
    _check_names(entity, _names_of(serving.ServedEntityInput), "ServedEntityInput")
    model, version = require_fields(entity, "entity_name", "entity_version")
    if not isinstance(entity.get("scale_to_zero_enabled"), bool):
        raise invalid_value("Missing value for required parameter 'scale_to_zero_enabled'.")
    size, maximum = entity.get("workload_size"), entity.get("max_provisioned_concurrency")
    if size is not None and maximum is not None:
        raise invalid_value("Do not set workload_size together with the provisioned concurrency.")
    if size is None and maximum is None:
        size = _SIZES[0]
    if size is not None and size not in _SIZES:
        raise invalid_value(f"Workload size '{size}' is not one of {', '.join(_SIZES)}.")
    workload_type = entity.get("workload_type", "CPU")
    if workload_type not in serving.ServingModelWorkloadType.__members__:
        raise invalid_value(f"Workload type '{workload_type}' is not known.")
    registered = await version_of(workspace, model, version)
    if registered["status"] != "READY":
        raise invalid_value(f"Model version {model} {version} is not ready.")
    name = entity.get("name") or f"{model.rpartition('.')[2]}-{version}"
    sized = {"workload_size": size} if size is not None else {}
    return {**entity, **sized, "name": name, "workload_type": workload_type}


def _parse_traffic(traffic_config: Fields | None, entities: dict[str, Fields]) -> Traffic:
    routes = (traffic_config or {}).get("routes")
    if routes is None:
        if len(entities) > 1:
            raise invalid_value("Missing value for required parameter 'traffic_config'.")
        return dict.fromkeys(entities, _FULL_TRAFFIC)
    for route in routes:
        _check_names(route, _names_of(serving.Route), "Route")
    traffic = {
        str(route.get("served_model_name") or route.get("served_entity_name")): int(
            route.get("traffic_percentage", 0)
        )
        for route in routes
    }
    if set(traffic) != set(entities) or sum(traffic.values()) != _FULL_TRAFFIC:
        raise invalid_value("The routes must name every served entity, and add up to 100 percent.")
    return traffic


def _names_of(request: Any) -> set[str]:
    return {each.name for each in fields(request)}


def _check_names(body: Fields, names: set[str], message: str) -> None:
    unknown = sorted(set(body) - names)
    if unknown:
        raise invalid_value(f"Unknown field '{unknown[0]}' in {message}.")
