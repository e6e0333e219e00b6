"""The state of the workspaces after a rehearsal: versions, aliases, endpoints, tokens seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import httpx

from rehearsal.workspace_process import WorkspaceProcess

_MODEL = "data_masters.deploy.mnist_cnn"
_SHOWN = ("bundle_digest", "source_model", "source_workspace", "git_commit", "test_accuracy")


def print_state(workspace: WorkspaceProcess) -> None:
    """Print the versions, aliases and endpoints of a workspace."""
    print(f"\n{workspace.name}: workspace {workspace.workspace_id} at {workspace.host}")
    authorization = {"authorization": f"Bearer {workspace.token}"}
    with httpx.Client(base_url=workspace.host, headers=authorization, timeout=30) as http:
        registry = "/api/2.0/mlflow/unity-catalog"
        found = http.get(
            f"{registry}/model-versions/search", params={"filter": f"name = '{_MODEL}'"}
        ).json()
        for each in found.get("model_versions", []):
            which = {"name": each["name"], "version": each["version"]}
            response = http.get(f"{registry}/model-versions/get", params=which).json()
            version = response["model_version"]
            aliases = ", ".join(alias["alias"] for alias in version["aliases"]) or "no alias"
            print(f"  {version['name']} {version['version']} {version['status']} ({aliases})")
            tags = {tag["key"]: tag["value"] for tag in version["tags"]}
            for name in (name for name in _SHOWN if name in tags):
                print(f"    {name}: {tags[name]}")
        for endpoint in http.get("/api/2.0/serving-endpoints").json()["endpoints"]:
            served = endpoint.get("config", {}).get("served_entities", [])
            names = ", ".join(f"{e['entity_name']} {e['entity_version']}" for e in served)
            print(f"  endpoint {endpoint['name']} {endpoint['state']['ready']}: {names}")


def check_tokens(workspaces: Mapping[str, WorkspaceProcess]) -> list[str]:
    """Print which tokens each workspace received; return where it received another's."""
    print("\nRequests by token (first 12 digits of its SHA-256):")
    owners = {workspace.digest(): workspace.name for workspace in workspaces.values()}
    errors = []
    for workspace in workspaces.values():
        seen = Counter(request["token"] for request in workspace.requests())
        for token, count in seen.items():
            owner = "none" if token is None else owners.get(token, "unknown")
            print(f"  {workspace.name}: {count} with {token or 'no token'} ({owner})")
            if owner not in ("none", workspace.name):
                errors.append(f"{count} requests to {workspace.name} carried a token of {owner}")
    print("\n".join(errors) or "No request carried the other workspace's token.")
    return errors
