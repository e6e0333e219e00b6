"""An endpoint as Model Serving describes it."""

from __future__ import annotations

import time

from rehearsal.serving_endpoint import Endpoint
from rehearsal.workspace import Fields


def describe(endpoint: Endpoint) -> Fields:
    """Return the response to ``GET /serving-endpoints/<name>``."""
    described = {
        "name": endpoint.name,
        "id": endpoint.name,
        "creator": "rehearsal",
        "permission_level": "CAN_MANAGE",
        "tags": endpoint.tags,
        "ai_gateway": endpoint.gateway,
        "state": {
            "ready": "READY" if endpoint.servers else "NOT_READY",
            "config_update": endpoint.update,
        },
    }
    if endpoint.entities:
        described["config"] = {
            **_describe_config(endpoint, endpoint.entities, is_pending=False),
            "traffic_config": {
                "routes": [
                    {endpoint.switches.route_field: name, "traffic_percentage": percent}
                    for name, percent in endpoint.traffic.items()
                ]
            },
        }
    if endpoint.pending:
        described["pending_config"] = _describe_config(endpoint, endpoint.pending, is_pending=True)
    return described


def _describe_config(
    endpoint: Endpoint, entities: dict[str, Fields], *, is_pending: bool
) -> Fields:
    ready = {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""}
    served = [
        {
            **entity,
            "creator": "rehearsal",
            "state": _describe_pending(endpoint, name) if is_pending else ready,
        }
        for name, entity in entities.items()
    ]
    return {
        "config_version": endpoint.config_version + is_pending,
        "served_entities": served,
        "start_time": int(time.time()),
    }


def _describe_pending(endpoint: Endpoint, entity_name: str) -> Fields:
    """Return the state of an entity of the update in progress, or of the one that failed."""
    if endpoint.update == "IN_PROGRESS":
        message = "Creating resources for served entity."
        return {"deployment": "DEPLOYMENT_CREATING", "deployment_state_message": message}
    if fault := endpoint.faults.get(entity_name):
        return {"deployment": "DEPLOYMENT_FAILED", "deployment_state_message": fault}
    return {"deployment": "DEPLOYMENT_ABORTED", "deployment_state_message": "Aborted."}
