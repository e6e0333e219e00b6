"""What a rehearsal leaves in the workspaces: versions, aliases, endpoints, and who asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import httpx

from rehearsal.workspace_process import WorkspaceProcess

_MODEL = "data_masters.deploy.mnist_cnn"
_SHOWN = ("bundle_digest", "source_model", "source_workspace", "git_commit", "test_accuracy")


def show(cloud: WorkspaceProcess) -> None:
    """Print the versions, aliases and endpoints of a workspace."""
    print(f"\n{cloud.name}: workspace {cloud.workspace_id} at {cloud.host}")
    authorization = {"authorization": f"Bearer {cloud.token}"}
    with httpx.Client(base_url=cloud.host, headers=authorization, timeout=30) as http:
        registry = "/api/2.0/mlflow/unity-catalog"
        found = http.get(
            f"{registry}/model-versions/search", params={"filter": f"name = '{_MODEL}'"}
        ).json()
        for each in found.get("model_versions", []):
            which = {"name": each["name"], "version": each["version"]}
            version = http.get(f"{registry}/model-versions/get", params=which).json()
            known = version["model_version"]
            aliases = ", ".join(alias["alias"] for alias in known["aliases"]) or "no alias"
            print(f"  {known['name']} {known['version']} {known['status']} ({aliases})")
            tags = {tag["key"]: tag["value"] for tag in known["tags"]}
            for name in (name for name in _SHOWN if name in tags):
                print(f"    {name}: {tags[name]}")
        for endpoint in http.get("/api/2.0/serving-endpoints").json()["endpoints"]:
            served = endpoint.get("config", {}).get("served_entities", [])
            names = ", ".join(f"{e['entity_name']} {e['entity_version']}" for e in served)
            print(f"  endpoint {endpoint['name']} {endpoint['state']['ready']}: {names}")


def check_tokens(clouds: Mapping[str, WorkspaceProcess]) -> list[str]:
    """Print which tokens each workspace saw, and return where it saw another workspace's."""
    print("\nRequests by token (first 12 digits of its SHA-256):")
    owners = {cloud.digest(): cloud.name for cloud in clouds.values()}
    wrong = []
    for cloud in clouds.values():
        seen = Counter(request["token"] for request in cloud.requests())
        for token, count in seen.items():
            owner = "none" if token is None else owners.get(token, "unknown")
            print(f"  {cloud.name}: {count} with {token or 'no token'} ({owner})")
            if owner not in ("none", cloud.name):
                wrong.append(f"{count} requests to {cloud.name} carried a token of {owner}")
    print("\n".join(wrong) or "No request carried the other workspace's token.")
    return wrong
