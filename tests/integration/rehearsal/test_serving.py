"""The rehearsal's Model Serving rejects what the service would, and logs requests as it does."""

from __future__ import annotations

import time

import httpx
import pyarrow.dataset as ds
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config

from rehearsal.inference_table import SCHEMA, table_folder
from rehearsal.serving_switches import ServingSwitches, write_switches

NAME = "data_masters.deploy.strict"
TABLE = {
    "catalog_name": "data_masters",
    "schema_name": "deploy",
    "table_name_prefix": "strict",
    "enabled": True,
}
ENTITY = {
    "entity_name": NAME,
    "entity_version": "1",
    "workload_size": "Small",
    "scale_to_zero_enabled": False,
}


@pytest.fixture(scope="module")
def http(clouds, tiny_bundle):
    """A client of azure, which has the model in its registry."""
    azure = clouds["azure"]
    sdk = WorkspaceClient(config=Config(host=azure.host, token=azure.token, auth_type="pat"))
    authorization = {"authorization": f"Bearer {azure.token}"}
    with httpx.Client(
        base_url=f"{azure.host}/api/2.0", headers=authorization, timeout=60
    ) as client:
        registry = "/mlflow/unity-catalog"
        client.post(f"{registry}/registered-models/create", json={"name": NAME}).raise_for_status()
        version = {"name": NAME, "version": "1"}
        client.post(f"{registry}/model-versions/create", json={"name": NAME, "source": "/x"})
        for path in tiny_bundle.folder.rglob("*"):
            if path.is_file():
                target = (
                    f"/Models/{NAME.replace('.', '/')}/1/{path.relative_to(tiny_bundle.folder)}"
                )
                with path.open("rb") as content:
                    sdk.files.upload(target, content)
        client.post(f"{registry}/model-versions/finalize", json=version).raise_for_status()
        yield client


def create(http, name="strict", entity=(), config=(), **body):
    config = {"served_entities": [{**ENTITY, **dict(entity)}], **dict(config)}
    return http.post("/serving-endpoints", json={"name": name, "config": config, **body})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "x"}, "Unknown field 'model' in CreateServingEndpoint"),
        ({"entity": {"size": "Small"}}, "Unknown field 'size' in ServedEntityInput"),
        ({"config": {"served_model": []}}, "Unknown field 'served_model'"),
        (
            {"config": {"auto_capture_config": {"catalog_name": "data_masters"}}},
            "Legacy inference tables can no longer be enabled",
        ),
        ({"entity": {"workload_size": "Tiny"}}, "Workload size 'Tiny'"),
        ({"entity": {"max_provisioned_concurrency": 8}}, "Do not set workload_size together"),
        ({"entity": {"scale_to_zero_enabled": None}}, "'scale_to_zero_enabled'"),
        ({"entity": {"workload_type": "TPU"}}, "Workload type 'TPU'"),
        (
            {"ai_gateway": {"inference_table_config": {**TABLE, "catalog_name": "shared_sandbox"}}},
            "'shared_sandbox' is a Delta Sharing catalog",
        ),
        ({"ai_gateway": {"inference_tables": TABLE}}, "Unknown field 'inference_tables'"),
        (
            {"ai_gateway": {"inference_table_config": {"enabled": True}}},
            "Missing value for required parameter 'catalog_name'",
        ),
    ],
)
def test_a_field_that_is_not_valid_is_rejected(http, fields, message):
    response = create(http, **fields)
    assert response.status_code == 400
    assert message in response.json()["message"]
    assert http.get("/serving-endpoints/strict").status_code == 404


def test_more_than_fifty_changes_in_five_minutes_are_rejected(clouds, http):
    write_switches(clouds["azure"].folder, ServingSwitches(max_changes=0))
    response = create(http)
    write_switches(clouds["azure"].folder, ServingSwitches())
    assert response.status_code == 429
    assert 1 <= int(response.headers["retry-after"]) <= 300
    assert ServingSwitches().max_changes == 50


def test_requests_are_in_the_inference_table_later_and_some_twice(clouds, http, tiny_bundle):
    create(http, "logged", ai_gateway={"inference_table_config": TABLE}).raise_for_status()
    deadline = time.monotonic() + 90
    while (described := http.get("/serving-endpoints/logged").json())["state"]["ready"] != "READY":
        assert described["state"]["config_update"] == "IN_PROGRESS"
        assert time.monotonic() < deadline
        time.sleep(0.2)
    moved = {"inference_table_config": {**TABLE, "table_name_prefix": "other"}}
    assert "Disable" in http.put("/serving-endpoints/logged/ai-gateway", json=moved).text

    invoke = f"{clouds['azure'].host}/serving-endpoints/logged/invocations"
    images = tiny_bundle.golden().images.tolist()
    for _ in range(8):
        assert http.post(invoke, json={"instances": images}).status_code == 200
    assert http.post(invoke, json={"instances": "seven"}).status_code == 400
    folder = table_folder(clouds["azure"].folder, "data_masters.deploy.strict_payload")
    assert not list(folder.glob("part-*"))
    deadline = time.monotonic() + 30
    while not (rows := _read(folder)) or len({r["databricks_request_id"] for r in rows}) < 9:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert len(rows) == 10  # the seventh came twice
    assert sorted({row["status_code"] for row in rows}) == [200, 400]
    assert "strict" not in {row["served_entity_id"] for row in rows}.pop()
    assert ds.dataset(folder, format="parquet").schema == SCHEMA


def _read(folder):
    return ds.dataset(folder, format="parquet").to_table().to_pylist() if folder.exists() else []


def test_the_logs_of_a_served_entity_are_returned(http):
    logs = "/serving-endpoints/logged/served-models/strict-1"
    assert "Container image creation finished" in http.get(f"{logs}/build-logs").json()["logs"]
    assert "Uvicorn running" in http.get(f"{logs}/logs").json()["logs"]
    assert http.get("/serving-endpoints/logged/served-models/none/logs").status_code == 404
