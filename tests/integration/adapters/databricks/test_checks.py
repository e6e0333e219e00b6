"""``doctor`` on two workspaces: all is well, and each thing that is broken is named alone."""

from __future__ import annotations

import re
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from email.utils import formatdate

import httpx
import pytest

from crosscloud_mnist.adapters.databricks.checks import DatabricksChecks
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.ports import Check
from tests.integration.faulty_proxy import FaultyProxy, Reply

SCOPE, PREFIX = "doctor", "deploy"
OTHER_URI = f"databricks-uc://{SCOPE}:{PREFIX}"
EXPERIMENT, MODEL = "/Shared/doctor", "data_masters.deploy.doctor"
THIS, OTHER = "this workspace", "other workspace (target, serve_from)"


def refuse(status: int, code: str) -> Callable[[Reply], Reply]:
    """Return a change that makes any response an error of the service."""
    return lambda reply: reply.refuse(status, code)


DENIED = refuse(403, "PERMISSION_DENIED")


@dataclass
class Doctor:
    """Both workspaces behind proxies, and a checker of them.

    Attributes:
        azure: Proxy of this workspace.
        gcp: Proxy of the other one.
        credentials: Of this workspace.
    """

    azure: FaultyProxy
    gcp: FaultyProxy
    credentials: dict[str, str] = field(repr=False)

    def check(self, *, earlier: tuple[Check, ...] = (), **changed: object) -> list[Check]:
        roles = {
            name: {"uri": uri, "credentials": self.credentials}
            for name, uri in (
                ("source", "databricks"),
                ("target", OTHER_URI),
                ("serve_from", OTHER_URI),
            )
        }
        options = {
            "storage": "/Volumes/data_masters/train/mnist",
            "experiment": EXPERIMENT,
            "model_name": MODEL,
            "endpoint_name": "doctor",
            "image_shape": [28, 28],
            "has_inference_table": True,
        }
        return DatabricksChecks(roles=roles, **{**options, **changed}).check(earlier)


def titles(checks: list[Check], status: str) -> list[str]:
    return [check.title for check in checks if check.status == status]


@pytest.fixture(scope="module")
def doctor(clouds, write_secrets, open_registry, tiny_bundle) -> Iterator[Doctor]:
    """Both workspaces, with an experiment here, and there a version that an endpoint serves."""
    azure, gcp = clouds["azure"], clouds["gcp"]
    proxies = FaultyProxy(azure.host), FaultyProxy(gcp.host)
    with ExitStack() as stack:
        for proxy in proxies:
            stack.callback(proxy.open().shutdown)
        remote = {"REMOTE_HOST": proxies[1].uri, "REMOTE_TOKEN": gcp.token}
        written = write_secrets(azure, SCOPE, PREFIX, **remote, REMOTE_WORKSPACE_ID="2222")
        assert written.returncode == 0, written.stderr
        with httpx.Client(headers={"authorization": f"Bearer {azure.token}"}) as http:
            http.post(f"{azure.host}/api/2.0/mlflow/experiments/create", json={"name": EXPERIMENT})
        registry = open_registry("databricks-uc", gcp.variables())
        values = {"digest": tiny_bundle.digest, "tags": {}, "description": ""}
        version = registry.create_version(MODEL, tiny_bundle.folder, **values)
        table = {"catalog": "data_masters", "schema": "deploy", "prefix": "doctor"}
        options = {"name": "doctor", "workspace": "databricks-uc", "inference_table": table}
        endpoint = IsolatedAdapter(
            "crosscloud_mnist.adapters.databricks.DatabricksEndpoint", options, gcp.variables()
        )
        endpoint.deploy(version, tiny_bundle.folder)
        credentials = {"DATABRICKS_HOST": proxies[0].uri, "DATABRICKS_TOKEN": azure.token}
        yield Doctor(*proxies, credentials)


def test_everything_is_as_expected_on_two_workspaces(doctor):
    checks = doctor.check()
    assert {check.status for check in checks} == {"passed"}, checks
    found = {check.title: check.found for check in checks}
    assert found[f"{THIS}: sign-in"].endswith("/?o=1111 as rehearsal by pat")
    assert found[f"{OTHER}: upload"].endswith("by the Files API")
    assert found[f"{OTHER}: endpoint response"] == "served-model-name: doctor-1"


def get(cloud, path, **params):
    """Return the response of Unity Catalog's registry."""
    with httpx.Client(headers={"authorization": f"Bearer {cloud.token}"}) as http:
        return http.get(f"{cloud.host}/api/2.0/mlflow/unity-catalog/{path}", params=params)


def list_versions(cloud) -> list[str]:
    found = get(cloud, "model-versions/search", filter=f"name = '{MODEL}'").json()
    return [each["version"] for each in found["model_versions"]]


@pytest.mark.parametrize("name", [None, ""])  # as an unset variable of the bundle is
def test_the_scratch_model_is_removed(doctor, clouds, name):
    checks = doctor.check(scratch_model=name)
    assert f"{OTHER}: upload" in titles(checks, "passed")
    found = get(clouds["gcp"], "registered-models/search").json()["registered_models"]
    assert not [each["name"] for each in found if "_doctor_" in each["name"]]


def test_a_scratch_version_of_a_model_that_exists_is_removed_with_its_alias(doctor, clouds):
    before = list_versions(clouds["gcp"])
    checks = doctor.check(scratch_model=MODEL)
    assert not titles(checks, "failed")
    assert f"{OTHER}: alias" in titles(checks, "passed")
    assert list_versions(clouds["gcp"]) == before
    alias = get(clouds["gcp"], "registered-models/alias", name=MODEL, alias="doctor")
    assert alias.status_code == 404


def test_without_create_model_the_registry_is_not_checked_and_nothing_fails(doctor):
    doctor.gcp.rewrite = lambda request, reply: (
        drop_privilege("CREATE_MODEL")(reply)
        if "/effective-permissions/schema" in request.path
        else reply
    )
    try:
        checks = doctor.check()
    finally:
        doctor.gcp.reset()
    assert not titles(checks, "failed")
    assert {f"{OTHER}: upload", f"{OTHER}: alias"} <= set(titles(checks, "information"))


def drop_privilege(name: str) -> Callable[[Reply], Reply]:
    """Return a change that leaves a privilege out."""

    def drop(body):
        for assignment in body.get("privilege_assignments", ()):  # a group may have none
            assignment["privileges"] = [
                each for each in assignment["privileges"] if each["privilege"] != name
            ]
        return body

    return lambda reply: reply.change(drop)


def set_secret(value: str) -> Callable[[Reply], Reply]:
    encoded = b64encode(value.encode()).decode()
    return lambda reply: reply.change(lambda body: {**body, "value": encoded})


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def drop_secret(body):
    kept = [each for each in body["secrets"] if not each["key"].endswith("workspace-id")]
    return {**body, "secrets": kept}


AN_HOUR_AGO = formatdate(time.time() - 3600, usegmt=True)
BROKEN = {  # the workspace, the requests, how their responses change, and the row that fails
    "use of the catalog": (
        *("azure", "effective-permissions/catalog", drop_privilege("USE_CATALOG")),
        f"{THIS}: catalog data_masters",
    ),
    "the grant on the volume": (
        *("azure", "effective-permissions/volume", drop_privilege("WRITE_VOLUME")),
        f"{THIS}: volume data_masters.train.mnist",
    ),
    "a volume": (
        *("azure", "unity-catalog/volumes/", refuse(404, "VOLUME_DOES_NOT_EXIST")),
        f"{THIS}: volume data_masters.train.mnist",
    ),
    "the clock": (
        *("azure", "HEAD /", lambda reply: reply.set_header("date", AN_HOUR_AGO)),
        f"{THIS}: clock",
    ),
    "this token": (
        *("azure", "scim/v2/Me", refuse(401, "UNAUTHENTICATED")),
        f"{THIS}: sign-in",
    ),
    "a secret": (
        *("azure", "secrets/list", lambda reply: reply.change(drop_secret)),
        f"{THIS}: secrets of {SCOPE}:{PREFIX}",
    ),
    "the scope's permission": (
        *("azure", "secrets/list", DENIED),
        f"{THIS}: secrets of {SCOPE}:{PREFIX}",
    ),
    "the experiment's permission": (
        *("azure", "experiments/get-by-name", DENIED),
        f"{THIS}: experiment",
    ),
    "the workspace's id": (
        *("azure", "secrets/get.*workspace-id", set_secret("9999")),
        f"{OTHER}: sign-in",
    ),
    "egress": (
        *("azure", "secrets/get.*host", set_secret(f"http://127.0.0.1:{free_port()}")),
        f"{OTHER}: network",
    ),
    "an expired token": (
        *("gcp", "scim/v2/Me", refuse(401, "UNAUTHENTICATED")),
        f"{OTHER}: sign-in",
    ),
    "a schema": (
        *("gcp", "unity-catalog/schemas/", refuse(404, "SCHEMA_DOES_NOT_EXIST")),
        f"{OTHER}: schema data_masters.deploy",
    ),
    "ownership of the model": (
        "gcp",
        "unity-catalog/(models|effective-permissions/function)/",
        lambda reply: drop_privilege("MANAGE")(
            reply.change(lambda body: {**body, "owner": "someone"})
        ),
        f"{OTHER}: registered model {MODEL}",
    ),
    "storage of the files": (
        *("gcp", "PUT /api/2.0/fs/files", DENIED),
        f"{OTHER}: upload",
    ),
    "a tag": ("gcp", "model-versions/set-tag", DENIED, f"{OTHER}: version tag"),
    "an alias": ("gcp", "POST .*registered-models/alias", DENIED, f"{OTHER}: alias"),
    "the code of a missing alias": (
        *("gcp", "GET .*alias=doctor_missing", refuse(400, "BAD_REQUEST")),
        f"{OTHER}: missing alias",
    ),
    "the code of a missing model": (
        *("gcp", "model-versions/get.*_missing", refuse(400, "BAD_REQUEST")),
        f"{OTHER}: missing model",
    ),
    "the removal of a version": (
        *("gcp", "DELETE .*model-versions/delete", DENIED),
        f"{OTHER}: delete",
    ),
    "the endpoint's permission": (
        "gcp",
        "GET /api/2.0/serving-endpoints/",
        lambda reply: reply.change(lambda body: {**body, "permission_level": "CAN_QUERY"}),
        f"{OTHER}: endpoint permission",
    ),
    "a header": (
        *("gcp", "/invocations", lambda reply: reply.set_header("served-model-name", None)),
        f"{OTHER}: endpoint response",
    ),
    "AI Gateway": (
        "gcp",
        "GET /api/2.0/serving-endpoints/",
        lambda reply: reply.change(lambda body: {**body, "ai_gateway": None}),
        f"{OTHER}: inference table",
    ),
}


@pytest.mark.parametrize(("cloud", "pattern", "change", "row"), BROKEN.values(), ids=BROKEN)
def test_one_broken_thing_fails_one_check(doctor, cloud, pattern, change, row):
    def rewrite(request, reply):
        matches = re.search(pattern, f"{request.method} {request.path}")
        return change(reply) if matches else reply

    proxy = getattr(doctor, cloud)
    proxy.rewrite = rewrite
    try:
        checks = doctor.check()
    finally:
        proxy.reset()
    assert titles(checks, "failed") == [row], checks
    (failed,) = [check for check in checks if check.status == "failed"]
    assert failed.found
    assert failed.expected
    assert failed.remedy


def test_without_a_variable_nothing_else_fails(doctor):
    missing = Check("environment", "DATABRICKS_HOST", "failed", "not set")
    checks = doctor.check(earlier=(missing,))
    assert {check.status for check in checks} == {"waiting"}


def test_an_endpoint_that_is_not_there_yet_is_information(doctor):
    checks = doctor.check(endpoint_name="none")
    assert not titles(checks, "failed")
    assert f"{OTHER}: endpoint" in titles(checks, "information")
