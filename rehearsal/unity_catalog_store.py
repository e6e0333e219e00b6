"""Requests to the MLflow server that stores what Unity Catalog holds."""

from __future__ import annotations

from rehearsal.unity_catalog_fields import OWNER, to_version
from rehearsal.workspace import ApiError, Fields, Workspace, not_found

_OPEN = "/api/2.0/mlflow/"


async def request_store(workspace: Workspace, method: str, path: str, fields: Fields) -> Fields:
    """Send a request to the open-source registry, and return its response.

    Raises:
        ApiError: It rejected the request.
    """
    sent = {"params": fields} if method == "GET" else {"json": fields}
    response = await workspace.tracking.request(method, _OPEN + path, **sent)
    body: Fields = response.json()
    if response.is_error:
        raise ApiError(response.status_code, body["error_code"], body["message"])
    return body


async def version_of(workspace: Workspace, name: str, version: str) -> Fields:
    """Return a version as Unity Catalog describes it.

    Raises:
        ApiError: It does not exist.
    """
    fields = {"name": name, "version": version}
    response = await request_store(workspace, "GET", "model-versions/get", fields)
    return to_version(response["model_version"])


async def owner_of(workspace: Workspace, name: str) -> str:
    """Return the principal that owns the registered model.

    Raises:
        ApiError: It does not exist.
    """
    try:
        response = await request_store(workspace, "GET", "registered-models/get", {"name": name})
    except ApiError:
        raise model_not_found(name) from None
    tags = response["registered_model"].get("tags", [])
    return next((str(tag["value"]) for tag in tags if tag["key"] == OWNER), "")


def model_not_found(name: str) -> ApiError:
    """Return the error for a model that does not exist, or that the caller may not see."""
    return not_found(f"Routine or Model '{name}'")
