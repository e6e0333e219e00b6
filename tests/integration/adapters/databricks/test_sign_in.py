"""A workspace is reached without a secret, by what databricks-sdk finds in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crosscloud_mnist.adapters.databricks.access import own_process_config
from crosscloud_mnist.bundle import digest_of
from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter, end_all
from rehearsal.grants import ADMINISTERS, subject_of
from rehearsal.processes import clean_environment
from rehearsal.workspace_process import WorkspaceProcess

NAME = "data_masters.deploy.federated"
PROJECT = Path(__file__).parents[4]
RUNTIME = PROJECT / "rehearsal" / "cluster_runtime"
ME = "/api/2.0/preview/scim/v2/Me"


class Probe:
    """An adapter that returns its environment; its process imports it from this file."""

    @staticmethod
    def process_config(options, credentials):
        return own_process_config(options, credentials)

    def environment(self):
        return dict(os.environ)


@pytest.fixture(autouse=True)
def new_processes(monkeypatch):
    """No process, variable or profile of another test."""
    end_all()
    for name in [name for name in os.environ if name.startswith(("DATABRICKS_", "ARM_"))]:
        monkeypatch.delenv(name)
    yield
    end_all()


@pytest.fixture
def set_variables(monkeypatch):
    def set_(variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_


def principals_since(workspace, count):
    return {request["principal"] for request in workspace.requests()[count:] if request["token"]}


def sign_in_by_github(provider, _folder):
    return provider.github_variables(subject_of(ADMINISTERS))


def sign_in_by_azure_devops(provider, _folder):
    return provider.azure_devops_variables(subject_of(ADMINISTERS))


def sign_in_by_variable(provider, _folder):
    return {"DATABRICKS_OIDC_TOKEN": provider.id_token(subject_of(ADMINISTERS))}


def sign_in_by_file(provider, folder):
    (folder / "token").write_text(provider.id_token(subject_of(ADMINISTERS)))
    # Without the type the SDK finds two ways, as there is a client id: config.py, ``_validate``.
    path = str(folder / "token")
    return {"DATABRICKS_OIDC_TOKEN_FILEPATH": path, "DATABRICKS_AUTH_TYPE": "file-oidc"}


FEDERATED = [sign_in_by_github, sign_in_by_azure_devops, sign_in_by_variable, sign_in_by_file]


@pytest.mark.parametrize("sign_in", FEDERATED)
def test_an_id_token_signs_in_where_neither_token_nor_secret_is_given(
    clouds, identity_provider, open_registry, set_variables, tmp_path, sign_in
):
    azure = clouds["azure"]
    set_variables(sign_in(identity_provider, tmp_path))
    before = len(azure.requests())
    registry = open_registry("databricks-uc", azure.federated())
    assert registry.workspace() == f"{azure.host}/?o=1111"
    assert registry.find_version("data_masters.deploy.none", "0" * 64) is None
    assert principals_since(azure, before) == {azure.client_id}


def test_a_profile_of_the_command_line_names_the_workspace_and_signs_in(
    clouds, open_registry, set_variables, tmp_path
):
    gcp = clouds["gcp"]
    profile = tmp_path / "profiles"
    profile.write_text(
        f"[work]\nhost = {gcp.host}\nclient_id = {gcp.client_id}\n"
        f"client_secret = {gcp.client_secret}\n"
    )
    set_variables({"DATABRICKS_CONFIG_FILE": str(profile), "DATABRICKS_CONFIG_PROFILE": "work"})
    assert open_registry("databricks-uc", {}).workspace() == f"{gcp.host}/?o=2222"


@pytest.mark.parametrize("sign_in", FEDERATED)
def test_the_other_workspace_is_reached_by_the_same_job_with_no_secret_in_the_scope(
    clouds, identity_provider, open_registry, write_secrets, set_variables, tmp_path, sign_in
):
    azure, gcp = clouds["azure"], clouds["gcp"]
    scope = sign_in.__name__
    ended = write_secrets(
        azure,
        *(scope, "deploy"),
        REMOTE_HOST=gcp.host,
        REMOTE_WORKSPACE_ID=gcp.workspace_id,
        REMOTE_CLIENT_ID=gcp.client_id,
    )
    assert ended.returncode == 0, ended.stderr
    # What the environment says of this workspace must not count for the other one.
    set_variables(
        {
            **sign_in(identity_provider, tmp_path),
            "DATABRICKS_HOST": azure.host,
            "DATABRICKS_WORKSPACE_ID": azure.workspace_id,
            "DATABRICKS_CLIENT_ID": azure.client_id,
            "DATABRICKS_DISCOVERY_URL": f"{azure.host}/oidc/.well-known/oauth-authorization-server",
        }
    )
    before = len(gcp.requests())
    target = open_registry(f"databricks-uc://{scope}:deploy", azure.federated())
    assert target.workspace() == f"{gcp.host}/?o=2222"
    assert principals_since(gcp, before) == {gcp.client_id}
    own_tokens, other_tokens = (
        {request["token"] for request in each.requests() if request["principal"]}
        for each in (azure, gcp)
    )
    assert not own_tokens & other_tokens


def test_the_process_has_neither_the_id_token_nor_the_token_of_the_workspace(
    clouds, identity_provider, set_variables, monkeypatch
):
    azure = clouds["azure"]
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    id_token = identity_provider.id_token(subject_of(ADMINISTERS))
    set_variables({"DATABRICKS_OIDC_TOKEN": id_token})
    probe = IsolatedAdapter("test_sign_in.Probe", {}, azure.federated())
    environment = probe.environment()
    assert id_token not in environment.values()
    assert environment["DATABRICKS_TOKEN"] == "renewed-by-the-parent-process"
    assert environment["DATABRICKS_HOST"] == azure.host


@pytest.mark.parametrize("fault", ["expired", "expiring"])
def test_a_token_that_expires_in_the_middle_of_an_upload_is_renewed(
    clouds, identity_provider, open_registry, set_variables, tiny_bundle, tmp_path, fault
):
    azure = clouds["azure"]
    set_variables(sign_in_by_github(identity_provider, tmp_path))
    registry = open_registry("databricks-uc", azure.federated())
    registry.workspace()
    before = len(azure.requests())
    azure.inject(
        {"fault": fault, "method": "POST", "path": "model-versions/create"},
        {"fault": fault, "method": "PUT", "path": "/fs/files/Models/"},
        {"fault": fault, "method": "POST", "path": "finalize"},
    )
    version = registry.create_version(
        f"{NAME}_{fault}", tiny_bundle.folder, digest=tiny_bundle.digest, tags={}, description=""
    )
    azure.inject()
    registry.download_version(version, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == tiny_bundle.digest
    rejected = [each for each in azure.requests()[before:] if each["status"] in (401, 403)]
    # This workspace gives no presigned URLs, which the SDK asks for before it sends a file.
    assert len([each for each in rejected if "/fs/create-" not in each["path"]]) == 3
    tokens = {each["token"] for each in azure.requests()[before:] if each["principal"]}
    assert len(tokens) >= 4


def test_a_rejection_that_is_not_of_the_token_is_not_repeated(
    clouds, identity_provider, open_registry, set_variables, tiny_bundle
):
    azure = clouds["azure"]
    set_variables({"DATABRICKS_OIDC_TOKEN": identity_provider.id_token(subject_of("serves"))})
    registry = open_registry("databricks-uc", azure.federated("serves"))
    name = f"{NAME}_reader"
    administrator = open_registry("databricks-uc", azure.variables())
    version = administrator.create_version(
        name, tiny_bundle.folder, digest=tiny_bundle.digest, tags={}, description=""
    )
    before = len(azure.requests())
    with pytest.raises(RegistryError, match="does not have ownership of the registered model"):
        registry.set_alias(version, "champion")
    rejected = [each for each in azure.requests()[before:] if each["status"] == 403]
    assert len(rejected) == 1


def test_a_token_that_is_rejected_again_and_again_is_reported_in_one_line(
    clouds, identity_provider, open_registry, set_variables, tmp_path
):
    azure = clouds["azure"]
    set_variables(sign_in_by_github(identity_provider, tmp_path))
    registry = open_registry("databricks-uc", azure.federated())
    azure.inject({"fault": "expired", "path": ME, "times": 9})
    try:
        with pytest.raises(RegistryError, match="The token is expired") as raised:
            registry.workspace()
    finally:
        azure.inject()
    assert "\n" not in str(raised.value)
    assert registry.workspace() == f"{azure.host}/?o=1111"


def test_an_identity_that_no_policy_trusts_is_reported_without_its_token(
    clouds, identity_provider, open_registry, set_variables
):
    azure = clouds["azure"]
    id_token = identity_provider.id_token("repo:stranger/fork:environment:prod")
    set_variables({"DATABRICKS_OIDC_TOKEN": id_token})
    with pytest.raises(
        RegistryError, match="rejected the sign-in by env-oidc: invalid_client"
    ) as e:
        open_registry("databricks-uc", azure.federated()).workspace()
    assert "\n" not in str(e.value)
    assert id_token not in str(e.value)


def test_where_nothing_signs_in_the_message_lists_the_ways(clouds, open_registry, set_variables):
    set_variables({"HOME": os.devnull, "DATABRICKS_CLIENT_ID": "an-id"})
    azure = clouds["azure"]
    with pytest.raises(ConfigurationError, match="no way to sign in to http.*DATABRICKS_OIDC") as e:
        open_registry("databricks-uc", azure.federated()).workspace()
    assert "\n" not in str(e.value)
    with pytest.raises(ConfigurationError, match="set here: DATABRICKS_CLIENT_ID"):
        open_registry("databricks-uc", {})


def test_outside_a_job_the_scope_must_hold_a_secret(clouds, open_registry, write_secrets):
    azure, gcp = clouds["azure"], clouds["gcp"]
    remote = {"REMOTE_CLIENT_ID": gcp.client_id, "REMOTE_WORKSPACE_ID": gcp.workspace_id}
    assert write_secrets(azure, "no_secret", "deploy", REMOTE_HOST=gcp.host, **remote).stdout
    with pytest.raises(ConfigurationError, match=r"tried env-oidc, .*add the client-secret"):
        open_registry("databricks-uc://no_secret:deploy", azure.variables()).workspace()


def run_on_cluster(run_as, uris, credentials, folder):
    """Return what each registry reports, where the job runs as that service principal."""
    code = (
        "import json, sys\n"
        "from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter\n"
        "for uri in sys.argv[2:]:\n"
        "    options = {'uri': uri, 'experiment': '/Shared/crosscloud-mnist'}\n"
        "    try:\n"
        "        registry = 'crosscloud_mnist.adapters.databricks.UnityCatalogRegistry'\n"
        "        credentials = json.loads(sys.argv[1])\n"
        "        print(IsolatedAdapter(registry, options, credentials).workspace())\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__, error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, json.dumps(credentials), *uris],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(RUNTIME),
            "DATABRICKS_RUNTIME_VERSION": "18.0",
            "REHEARSAL_RUN_AS": json.dumps(run_as),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


@pytest.fixture
def run_as(clouds):
    principal = clouds["azure"].principals["promotes"]
    return {
        "host": clouds["azure"].host,
        "client_id": principal.client_id,
        "client_secret": principal.secret,
    }


def test_on_a_cluster_the_job_needs_no_secret_and_reads_the_scope_by_dbutils(
    clouds, other, run_as, tmp_path
):
    azure, gcp = clouds["azure"], clouds["gcp"]
    uris = ["databricks-uc", f"databricks-uc://{other}", "databricks-uc://none:such"]
    before = len(azure.requests())
    own, remote, missing = run_on_cluster(run_as, uris, {}, tmp_path)
    assert (own, remote) == (f"{azure.host}/?o=1111", f"{gcp.host}/?o=2222")
    assert missing.startswith("RegistryError the secrets of scope none cannot be read by dbutils")
    assert principals_since(azure, before) == {run_as["client_id"]}
    read = [each["path"] for each in azure.requests()[before:] if "secrets/get" in each["path"]]
    assert len(read) == 3  # host, token and workspace id, and nothing twice


def test_the_identity_of_a_cluster_is_sent_to_no_other_workspace(clouds, run_as, tmp_path):
    host = clouds["gcp"].host
    before = len(clouds["gcp"].requests())
    (message,) = run_on_cluster(run_as, ["databricks-uc"], {"DATABRICKS_HOST": host}, tmp_path)
    assert f"but runtime signs in to {clouds['azure'].host}" in message
    assert principals_since(clouds["gcp"], before) == set()
    assert not {each["token"] for each in clouds["gcp"].requests()[before:]} - {None}


def test_a_pipeline_runs_in_a_ci_job_that_has_no_secret(clouds, identity_provider, tmp_path):
    gcp = clouds["gcp"]
    gcp.provision()
    before = len(gcp.requests())
    ended = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--pipelines", "history", "--env", "gcp"],
        cwd=PROJECT,
        env={
            **clean_environment(),
            **gcp.federated("promotes"),
            **identity_provider.github_variables(subject_of("promotes")),
            "HOME": str(tmp_path),
            "MNIST_STORAGE": str(tmp_path),
            "MNIST_VERIFYING_KEY": "not-read-by-this-pipeline",
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert principals_since(gcp, before) == {gcp.principals["promotes"].client_id}
    assert (tmp_path / "08_reporting" / "ledger.json").is_file()


@pytest.fixture(scope="module")
def shared_host(tmp_path_factory, identity_provider):
    """A workspace on a host that several share, whose tokens are fresh for four seconds."""
    folder = tmp_path_factory.mktemp("shared_host")
    workspace = WorkspaceProcess.start(
        *("unified", "3333", folder),
        issuer=identity_provider.issuer,
        options=("--unified", "--token-seconds", "44"),
    )
    yield workspace
    workspace.stop()


def test_requests_to_a_host_that_several_workspaces_share_name_the_workspace(
    shared_host, open_registry, new_run
):
    named = {**shared_host.variables(), "DATABRICKS_WORKSPACE_ID": "3333"}
    registry = open_registry("databricks-uc", named)
    assert registry.workspace() == f"{shared_host.host}/?o=3333"
    assert registry.find_version(NAME, "0" * 64) is None
    assert registry.ledger(NAME) == []
    with pytest.raises(
        RegistryError, match="Unable to load OAuth Config.*set DATABRICKS_WORKSPACE_"
    ):
        open_registry("databricks-uc", shared_host.variables()).workspace()


def test_a_token_is_renewed_before_it_expires(
    shared_host, identity_provider, open_registry, set_variables, tmp_path
):
    set_variables(sign_in_by_github(identity_provider, tmp_path))
    before = len(shared_host.requests())
    named = {**shared_host.federated(), "DATABRICKS_WORKSPACE_ID": "3333"}
    registry = open_registry("databricks-uc", named)
    for _ in range(2):
        registry.find_version(NAME, "0" * 64)
        time.sleep(4.5)
    registry.find_version(NAME, "0" * 64)
    requests = shared_host.requests()[before:]
    assert {each["status"] for each in requests} <= {200, 404}
    assert len({each["token"] for each in requests if each["token"]}) >= 3
