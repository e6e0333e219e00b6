"""The state of the workspaces after a rehearsal: versions, aliases, endpoints, tokens seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from rehearsal.workspace_process import WorkspaceProcess

_MODEL = "data_masters.deploy.mnist_cnn"
_SHOWN = ("bundle_digest", "source_model", "source_workspace", "git_commit", "test_accuracy")


def print_state(workspace: WorkspaceProcess) -> None:
    """Print the versions, aliases and endpoints of a workspace."""
    print(f"\n{workspace.name}: workspace {workspace.workspace_id} at {workspace.host}")
    with _client(workspace) as http:
        for version in _versions(http, _MODEL):
            aliases = ", ".join(_aliases(version)) or "no alias"
            print(f"  {version['name']} {version['version']} {version['status']} ({aliases})")
            tags = _tags(version)
            for name in (name for name in _SHOWN if name in tags):
                print(f"    {name}: {tags[name]}")
        for endpoint in http.get("/api/2.0/serving-endpoints").json()["endpoints"]:
            served = endpoint.get("config", {}).get("served_entities", [])
            names = ", ".join(f"{e['entity_name']} {e['entity_version']}" for e in served)
            print(f"  endpoint {endpoint['name']} {endpoint['state']['ready']}: {names}")


def find_champions(workspace: WorkspaceProcess, model: str = _MODEL) -> dict[str, dict[str, str]]:
    """Return the tags of each version of a model that has the alias ``champion``, by version."""
    with _client(workspace) as http:
        return {
            version["version"]: _tags(version)
            for version in _versions(http, model)
            if "champion" in _aliases(version)
        }


def find_served_versions(workspace: WorkspaceProcess, endpoint: str = "mnist_cnn") -> list[str]:
    """Return the versions that an endpoint serves.

    Raises:
        httpx.HTTPStatusError: There is no such endpoint.
    """
    with _client(workspace) as http:
        response = http.get(f"/api/2.0/serving-endpoints/{endpoint}").raise_for_status()
    return [entity["entity_version"] for entity in response.json()["config"]["served_entities"]]


def _client(workspace: WorkspaceProcess) -> httpx.Client:
    headers = {"authorization": f"Bearer {workspace.token}"}
    return httpx.Client(base_url=workspace.host, headers=headers, timeout=30)


def _versions(http: httpx.Client, model: str) -> Iterator[dict[str, Any]]:
    registry = "/api/2.0/mlflow/unity-catalog"
    found = http.get(
        f"{registry}/model-versions/search", params={"filter": f"name = '{model}'"}
    ).json()
    for each in found.get("model_versions", []):
        which = {"name": each["name"], "version": each["version"]}
        yield http.get(f"{registry}/model-versions/get", params=which).json()["model_version"]


def _aliases(version: Mapping[str, Any]) -> list[str]:
    return [alias["alias"] for alias in version["aliases"]]


def _tags(version: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in version["tags"]}


def check_tokens(workspaces: Mapping[str, WorkspaceProcess]) -> list[str]:
    """Print which tokens each workspace received; return where it received another's."""
    print("\nRequests by token (first 12 digits of its SHA-256):")
    tokens = {workspace.digest(): workspace.name for workspace in workspaces.values()}
    for workspace in workspaces.values():
        seen = {request["token"] for request in workspace.requests() if request["principal"]}
        tokens |= {token: workspace.name for token in seen if token}
    errors = []
    for workspace in workspaces.values():
        counts = Counter(
            (request["token"], request["principal"]) for request in workspace.requests()
        )
        for (token, principal), count in counts.items():
            owner = "none" if token is None else tokens.get(token, "unknown")
            shown = principal or "rejected"
            print(f"  {workspace.name}: {count} with {token or 'no token'} ({owner}, {shown})")
            if owner not in ("none", workspace.name):
                errors.append(f"{count} requests to {workspace.name} carried a token of {owner}")
    print("\n".join(errors) or "No request carried the other workspace's token.")
    return errors
