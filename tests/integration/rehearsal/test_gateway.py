"""The workspaces of the rehearsal reject what the service would reject, and leak no secret."""

from __future__ import annotations

import json
import time

import httpx
import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import NotFound, PermissionDenied, ResourceAlreadyExists

from rehearsal.flow import PROJECT
from rehearsal.state import check_tokens
from rehearsal.tokens import Principal, Tokens

UC = "/api/2.0/mlflow/unity-catalog"
NAME = "data_masters.deploy.contract"


@pytest.fixture(scope="module")
def http(clouds):
    authorization = {"authorization": f"Bearer {clouds['azure'].token}"}
    with httpx.Client(base_url=clouds["azure"].host, headers=authorization, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def sdk(clouds):
    azure = clouds["azure"]
    return WorkspaceClient(config=Config(host=azure.host, token=azure.token, auth_type="pat"))


def post(http, path, **fields):
    answer = http.post(path, json=fields)
    return answer.status_code, answer.json().get("error_code", "")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ({}, 401),
        ({"authorization": "Basic dXNlcjpwYXNz"}, 401),
        ({"authorization": "Bearer dapi0"}, 403),
    ],
)
def test_a_missing_or_wrong_token_is_rejected(clouds, authorization, status):
    address = f"{clouds['azure'].host}/api/2.0/preview/scim/v2/Me"
    answer = httpx.get(address, headers=authorization)
    assert answer.status_code == status
    assert answer.json()["error_code"] in ("UNAUTHENTICATED", "PERMISSION_DENIED")


def test_the_other_workspaces_token_is_rejected(clouds):
    azure, gcp = clouds["azure"], clouds["gcp"]
    wrong = WorkspaceClient(config=Config(host=azure.host, token=gcp.token, auth_type="pat"))
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        wrong.current_user.me()
    assert gcp.digest() in {request["token"] for request in azure.requests()}
    assert any("carried a token of gcp" in line for line in check_tokens(clouds))
    log = azure.folder / "requests.jsonl"  # other tests expect no foreign token in it
    lines = [line for line in log.read_text().splitlines() if gcp.digest() not in line]
    log.write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/api/2.0/nonesuch"),
        ("GET", "/api/2.0/mlflow/registered-models/search"),
        ("POST", "/api/2.0/mlflow/gateway/endpoints/create"),
        ("DELETE", "/api/2.0/mlflow/runs/get"),
        ("GET", "/health"),
    ],
)
def test_an_unknown_path_or_method_is_rejected(http, method, path):
    answer = http.request(method, path)
    assert answer.status_code in (404, 405)
    if answer.status_code == 404:
        assert answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"


def test_the_name_of_an_experiment_must_be_an_absolute_path(http):
    status = post(http, "/api/2.0/mlflow/experiments/create", name="relative")
    assert status == (400, "INVALID_PARAMETER_VALUE")
    created = http.post("/api/2.0/mlflow/experiments/create", json={"name": "/Shared/contract"})
    experiment_id = created.json()["experiment_id"]
    found = http.get("/api/2.0/mlflow/experiments/get", params={"experiment_id": experiment_id})
    assert found.json()["experiment"]["artifact_location"].startswith("dbfs:/databricks/")


def test_unity_catalog_requires_three_existing_levels_and_valid_tags(http):
    create = f"{UC}/registered-models/create"
    assert post(http, create, name="mnist_cnn") == (400, "INVALID_PARAMETER_VALUE")
    assert post(http, create, name="none.such.mnist_cnn") == (404, "RESOURCE_DOES_NOT_EXIST")
    assert post(http, create, name=NAME)[0] == 200
    assert post(http, create, name=NAME) == (400, "RESOURCE_ALREADY_EXISTS")
    version = f"{UC}/model-versions/create"
    for key, value in (("a.b", "x"), ("a", "x" * 1001)):
        tags = [{"key": key, "value": value}]
        response = post(http, version, name=NAME, source="/x", tags=tags)
        assert response == (400, "INVALID_PARAMETER_VALUE")


def test_a_version_is_pending_until_finalized_and_then_read_only(http, sdk):
    post(http, f"{UC}/registered-models/create", name=NAME)
    created = http.post(f"{UC}/model-versions/create", json={"name": NAME, "source": "/tmp/x"})
    version = created.json()["model_version"]
    assert version["status"] == "PENDING_REGISTRATION"
    which = {"name": NAME, "version": version["version"]}
    finalize = f"{UC}/model-versions/finalize"
    assert post(http, finalize, **which) == (400, "INVALID_PARAMETER_VALUE")
    path = f"/Models/{NAME.replace('.', '/')}/{version['version']}/MLmodel"
    with pytest.raises(NotFound):
        sdk.files.download(path)
    url = f"/api/2.0/fs/files{path}"
    assert http.put(url, content=b"flavors: {}").status_code == 204
    assert http.put(url, content=b"again").status_code == 409
    assert sdk.files.download(path).contents.read() == b"flavors: {}"
    assert post(http, finalize, **which)[0] == 200
    assert http.put(url, content=b"changed", params={"overwrite": "true"}).status_code == 403
    search = {"url": f"{UC}/model-versions/search", "params": {"filter": f"name = '{NAME}'"}}
    while not (listed := http.get(**search)).json()["model_versions"]:
        time.sleep(0.2)  # a search lists a new version after a second
    assert [each["status"] for each in listed.json()["model_versions"]] == ["READY"]
    assert "tags" not in listed.json()["model_versions"][0]


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/Volumes/a/../../../../requests.jsonl", "/Models/a", "/Volumes//x"],
)
def test_files_are_only_under_the_roots_of_the_files_api(http, path):
    url = http.base_url.copy_with(raw_path=f"/api/2.0/fs/files{path}".encode())  # not normalized
    answer = http.put(url, content=b"x")
    assert answer.status_code in (400, 404)


def test_secrets_are_returned_in_base64_and_written_to_no_file(clouds, sdk):
    sdk.secrets.create_scope("contract")
    with pytest.raises(ResourceAlreadyExists):
        sdk.secrets.create_scope("contract")
    sdk.secrets.put_secret("contract", "a-token", string_value="pässword-of-this-test")
    value = sdk.secrets.get_secret("contract", "a-token").value
    assert value == "cMOkc3N3b3JkLW9mLXRoaXMtdGVzdA=="
    assert sdk.dbutils.secrets.get("contract", "a-token") == "pässword-of-this-test"
    with pytest.raises(NotFound):
        sdk.secrets.get_secret("contract", "another")
    with pytest.raises(NotFound):
        sdk.secrets.put_secret("nonesuch", "a-token", string_value="x")
    for path in clouds["azure"].folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"password-of-this-test" not in content
            assert clouds["azure"].token.encode() not in content


def test_no_token_is_in_a_process_argument(clouds):
    secrets = [cloud.token for cloud in clouds.values()]
    secrets += [cloud.client_secret for cloud in clouds.values()]
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        assert not [secret for secret in secrets if secret in command]


def test_an_oauth_token_is_valid_until_it_expires(clouds):
    azure = clouds["azure"]
    principal = Config(
        host=azure.host,
        client_id=azure.client_id,
        client_secret=azure.client_secret,
        auth_type="oauth-m2m",
    )
    assert WorkspaceClient(config=principal).current_user.me().active
    wrong = httpx.post(
        f"{azure.host}/oidc/v1/token",
        auth=(azure.client_id, "wrong"),
        data={"grant_type": "client_credentials", "scope": "all-apis"},
    )
    assert wrong.status_code == 401
    principal = Principal("id", "secret", ())
    tokens = Tokens(Principal("admin", "dapi0", ()), (principal,), lifetime_seconds=0)
    issued = tokens.issue("Basic aWQ6c2VjcmV0")
    assert (tokens.find_fault(issued), tokens.find_fault("other")) == ("expired", "invalid")


def test_every_request_is_logged_without_its_token(clouds, http):
    http.get("/api/2.0/preview/scim/v2/Me")
    last = clouds["azure"].requests()[-1]
    assert {**last, "time": 0} == {
        "time": 0,
        "workspace": "azure",
        "method": "GET",
        "path": "/api/2.0/preview/scim/v2/Me",
        "status": 200,
        "token": clouds["azure"].digest(),
        "principal": "rehearsal",
    }
    assert clouds["azure"].token not in json.dumps(clouds["azure"].requests())


@pytest.mark.parametrize(
    ("fault", "status", "headers"),
    [
        ("429", 429, {"retry-after": "7"}),
        ("503", 503, {"retry-after": "7"}),
        ("expired", 401, {}),
        ("expiring", 403, {}),
    ],
)
def test_a_fault_is_injected_as_often_as_its_rule_says(clouds, http, fault, status, headers):
    rule = {"fault": fault, "method": "GET", "path": "/scim/", "times": 2, "retry_after": 7}
    clouds["azure"].inject(rule)
    answers = [http.get("/api/2.0/preview/scim/v2/Me") for _ in range(3)]
    clouds["azure"].inject()
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert headers.items() <= dict(answers[0].headers).items()


def test_a_connection_is_cut_in_mid_upload(clouds, http):
    clouds["azure"].inject({"fault": "cut", "method": "PUT"})
    with pytest.raises(httpx.TransportError):
        http.put("/api/2.0/fs/files/Volumes/a/b/c/file", content=bytes(2**20))
    clouds["azure"].inject()
    assert http.get("/api/2.0/fs/files/Volumes/a/b/c/file").status_code == 404


def test_the_rehearsal_is_not_in_the_wheel():
    assert not (PROJECT / "src" / "crosscloud_mnist" / "rehearsal").exists()
    text = (PROJECT / "pyproject.toml").read_text()
    assert '[tool.setuptools.packages.find]\nwhere = ["src"]' in text


def test_the_processes_of_the_rehearsal_send_no_telemetry(clouds):
    children = psutil.Process(clouds["azure"].pid).children(recursive=True)
    servers = [each for each in children if "mlflow" in " ".join(each.cmdline())]
    assert servers
    for server in servers:
        environment = server.environ()
        assert environment["MLFLOW_DISABLE_TELEMETRY"] == environment["DO_NOT_TRACK"] == "true"
        assert environment["ORT_DISABLE_TELEMETRY"] == "1"
