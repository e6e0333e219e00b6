"""Promotion between two real MLflow servers with passwords, through processes of their own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest
from mlflow.exceptions import MlflowException

from crosscloud_mnist.bundle import Signer, Verifier, digest_of, write
from crosscloud_mnist.errors import PromotionRejectedError, RegistryError, VerificationError
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from rehearsal.processes import free_port


def orphans(promotion):
    """Logged models of the name that no version came of, and its open runs, on the target."""
    client = promotion.client(1)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    used = {version.run_id for version in promotion.versions()}
    promoted = f"tags.promoted_as = '{promotion.name}'"
    models = client.search_logged_models(experiments, filter_string=promoted)
    runs = client.search_runs(experiments, f"{promoted} AND attributes.status = 'RUNNING'")
    assert used <= {model.source_run_id for model in models}  # a version has its files
    unused = [model.model_id for model in models if model.source_run_id not in used]
    return unused, [run.info.run_id for run in runs]


def test_it_promotes_once_with_lineage_and_a_ledger(promotion):
    bundle = promotion.make("first")
    uri = promotion.log(bundle)
    first = promotion.promote(uri)
    assert (first["version"], first["created"]) == ("1", True)
    assert promotion.promote(uri)["created"] is False
    (version,) = promotion.versions()
    assert version.status == "READY"
    assert version.tags["bundle_digest"] == version.tags["verified"] == bundle.digest
    assert version.tags["source_workspace"] == promotion.proxies[0].uri
    assert version.tags["source_model"] == uri
    assert version.tags["lock_digest"] == "12" * 32
    for name in ("source_run_id", "dataset_digest", "git_commit", "test_accuracy"):
        assert version.tags[name]
    assert {gate["gate"] for gate in json.loads(version.tags["gates"])} == {
        "minimum accuracy",
        "not worse than the champion",
        "contract and signature",
        "golden set of the copy",
    }
    assert uri in version.description
    (entry,) = promotion.target.ledger(promotion.name)
    assert (entry.action, entry.version, entry.actor, entry.completed) == (
        "promoted",
        "1",
        promotion.servers[1].user,
        True,
    )


def test_a_worse_model_is_challenger_and_the_champion_stays(promotion):
    promotion.promote(promotion.log(promotion.make("good")))
    with pytest.raises(PromotionRejectedError, match="McNemar's exact p"):
        promotion.promote(promotion.log(promotion.make("worse", wrong=25)))
    assert promotion.production() == "1"
    assert promotion.target.get_version_by_alias(promotion.name, "challenger").version == "2"


@pytest.mark.parametrize("which", [0, 1])
def test_a_byte_flipped_on_its_way_is_rejected_and_the_file_is_named(promotion, which):
    uri = promotion.log(promotion.make("flipped"))

    def flip(request, reply):
        if request.method == "GET" and request.path.endswith("model.onnx"):
            content = reply.content
            return replace(reply, content=content[:100] + bytes([content[100] ^ 1]) + content[101:])
        return reply

    promotion.proxies[which].rewrite = flip
    with pytest.raises(VerificationError, match=r"artifacts/model\.onnx"):
        promotion.promote(uri)
    assert promotion.versions() == []
    promotion.proxies[which].reset()
    assert promotion.promote(uri)["created"]


def test_a_manifest_that_was_changed_with_its_file_is_rejected(promotion):
    uri = promotion.log(promotion.make("forged"))
    model_id = uri.removeprefix("models:/")
    (folder,) = promotion.servers[0].folder.rglob(f"{model_id}/artifacts/MLmodel")
    folder = folder.parent
    (folder / "artifacts" / "card.json").write_text('{"metrics": {"test_accuracy": 1.0}}')
    forged = digest_of(folder)
    signature = json.loads((folder / "model.sig").read_text())
    statement = json.loads(base64.b64decode(signature["dsseEnvelope"]["payload"]))
    changed = hashlib.sha256((folder / "artifacts" / "card.json").read_bytes()).hexdigest()
    for resource in statement["predicate"]["resources"]:
        if resource["name"] == "artifacts/card.json":
            resource["digest"] = changed
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    signature["dsseEnvelope"]["payload"] = payload
    (folder / "model.sig").write_text(json.dumps(signature))
    assert digest_of(folder) != forged
    promotion.client(0).set_logged_model_tags(model_id, {"bundle_digest": digest_of(folder)})
    with pytest.raises(VerificationError, match="signature is not valid"):
        promotion.promote(uri)
    assert promotion.versions() == []


def test_another_public_key_rejects_the_bundle(promotion, tiny_contents):
    keys = str(promotion.folder / "other.pem"), str(promotion.folder / "other.pub")
    uri = promotion.log(promotion.make("another"))
    write(tiny_contents, promotion.folder / "b" / "bundle", Signer(*keys, generate=True))
    with pytest.raises(VerificationError, match="signature is not valid"):
        promotion.promote(uri, verifier=Verifier(keys[1]))
    assert promotion.versions() == []


def test_killed_after_every_kind_of_write_it_ends_with_one_version_and_no_orphans(promotion):
    bundle = promotion.make("killed")
    uri = promotion.log(bundle)
    killed, messages = [], []
    proxy = promotion.proxies[1]
    for _ in range(20):
        target = promotion.target

        def kill(request, target=target):
            kind = request.method, re.sub(r"(m-)?[0-9a-f]{32}.*|[0-9]+$", "", request.path)
            if request.writes and kind not in killed:
                killed.append(kind)
                target._process._child.kill()

        proxy.after = kill
        try:
            registered = promotion.promote(uri, target=target, orphan_ttl_seconds=0)
            break
        except RegistryError as error:
            messages.append(str(error))
            assert len(promotion.versions()) <= 1
    proxy.reset()
    assert registered["version"] == "1"
    assert len(killed) == len(messages) >= 9, killed
    assert all("expected a result; run the same command again" in each for each in messages)
    assert orphans(promotion) == ([], [])
    assert [version.status for version in promotion.versions()] == ["READY"]
    assert promotion.production() == "1"
    completed = [entry for entry in promotion.target.ledger(promotion.name) if entry.completed]
    assert [(entry.action, entry.version) for entry in completed] == [("promoted", "1")]


def test_of_two_at_once_one_version_stays(promotion):
    uri = promotion.log(promotion.make("twice"))
    both = threading.Barrier(2, timeout=60)

    def wait_for_the_other(request):
        if request.method == "POST" and request.path.endswith("/mlflow/logged-models"):
            both.wait()

    promotion.proxies[1].before = wait_for_the_other
    targets = [promotion.registry(1, MLFLOW_HTTP_REQUEST_TIMEOUT=each) for each in ("90", "91")]
    with ThreadPoolExecutor(2) as pool:
        registered = list(pool.map(lambda target: promotion.promote(uri, target=target), targets))
    assert [each["version"] for each in registered] == ["1", "1"]
    assert [version.version for version in promotion.versions()] == ["1"]
    assert orphans(promotion) == ([], [])
    assert promotion.production() == "1"


def test_a_wrong_password_is_one_line(promotion):
    uri = promotion.log(promotion.make("locked"))
    wrong = promotion.registry(1, MLFLOW_TRACKING_PASSWORD="not the password")
    with pytest.raises(RegistryError, match="failed: .*(401|authenticat)") as raised:
        promotion.promote(uri, target=wrong)
    assert "\n" not in str(raised.value)


def test_swapped_credentials_are_rejected(promotion):
    uri = promotion.log(promotion.make("swapped"))
    source = promotion.registry(0, **promotion.servers[1].credentials)
    target = promotion.registry(1, **promotion.servers[0].credentials)
    with pytest.raises(RegistryError, match="the names and the credentials"):
        promotion.promote(uri, source=source, target=target)
    assert promotion.versions() == []


def test_one_server_under_two_names_is_rejected(promotion):
    uri = promotion.log(promotion.make("same"))
    options = {"uri": f"http://localhost:{promotion.servers[0].port}", "experiment": "mnist"}
    same = IsolatedAdapter(
        "crosscloud_mnist.adapters.mlflow.registry.MlflowRegistry",
        options,
        promotion.servers[0].credentials,
    )
    with pytest.raises(PromotionRejectedError, match="are one workspace, expected two"):
        promotion.promote(uri, target=same)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_gets_the_request_again(promotion, status):
    uri = promotion.log(promotion.make("busy"))
    rejected = []

    def busy(request):
        if request.path not in rejected:
            rejected.append(request.path)
            return status
        return None

    for proxy in promotion.proxies:
        proxy.before = busy
    assert promotion.promote(uri)["version"] == "1"
    assert len(rejected) > 10


@pytest.mark.parametrize("which", [0, 1])
def test_a_request_is_repeated_where_the_connection_is_cut(promotion, which):
    uri = promotion.log(promotion.make("cut"))
    cut = []

    def cut_once(request):
        if "/mlflow-artifacts/" in request.path and request.path not in cut:
            cut.append(request.path)
            return "cut"
        return None

    promotion.proxies[which].before = cut_once
    assert promotion.promote(uri)["version"] == "1"
    assert len(cut) > 5


def test_a_connection_that_stays_cut_is_one_line_and_a_rerun_succeeds(promotion):
    uri = promotion.log(promotion.make("down"))
    promotion.proxies[1].before = lambda request: "cut" if request.method == "PUT" else None
    with pytest.raises(RegistryError) as raised:
        promotion.promote(uri, orphan_ttl_seconds=0)
    assert "\n" not in str(raised.value)
    assert promotion.production() is None
    promotion.proxies[1].reset()
    assert promotion.promote(uri, orphan_ttl_seconds=0)["version"] == "1"
    assert orphans(promotion) == ([], [])


def test_no_variable_or_file_of_the_user_sends_anything_elsewhere(promotion, monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text("machine 127.0.0.1 login wrong password wrong\n")
    (home / ".databrickscfg").write_text("[DEFAULT]\nhost = http://127.0.0.1:9\ntoken = wrong\n")
    uri = promotion.log(promotion.make("trapped"))
    traps = {
        "HOME": str(home),
        "NETRC": str(home / ".netrc"),
        "MLFLOW_TRACKING_URI": promotion.servers[0].address,
        "MLFLOW_REGISTRY_URI": promotion.servers[0].address,
        "MLFLOW_TRACKING_TOKEN": "wrong",
        "MLFLOW_TRACKING_USERNAME": "wrong",
        "MLFLOW_TRACKING_PASSWORD": "wrong",
        "DATABRICKS_HOST": "http://127.0.0.1:9",
        "DATABRICKS_TOKEN": "wrong",
        "DATABRICKS_CONFIG_PROFILE": "DEFAULT",
    }
    with monkeypatch.context() as trapped:
        for name, value in traps.items():
            trapped.setenv(name, value)
        with pytest.raises(MlflowException, match="not authenticated"):  # a plain client is caught
            promotion.client(1).search_registered_models()
        # Another timeout, another process: one that is started with the traps set.
        source = promotion.registry(0, MLFLOW_HTTP_REQUEST_TIMEOUT="77")
        target = promotion.registry(1, MLFLOW_HTTP_REQUEST_TIMEOUT="77")
        registered = promotion.promote(uri, source=source, target=target)
    assert registered["workspace"] == promotion.proxies[1].uri
    assert len(promotion.versions()) == 1
    assert list(promotion.client(0).search_model_versions(f"name = '{promotion.name}'")) == []


def test_no_secret_is_shown_anywhere(promotion, capfd, caplog, tmp_path):
    caplog.set_level("DEBUG")
    shown = []

    def look(request):
        processes = psutil.process_iter(["cmdline"])
        shown.extend(" ".join(process.info["cmdline"] or []) for process in processes)

    for proxy in promotion.proxies:
        proxy.after = look
    promotion.promote(promotion.log(promotion.make("shown")))
    wrong = promotion.registry(1, MLFLOW_TRACKING_PASSWORD="wrong-" + promotion.servers[1].password)
    for attempt in (
        lambda: promotion.promote(promotion.log(promotion.make("other", wrong=25))),
        lambda: promotion.promote("models:/m-" + "0" * 32),
        lambda: promotion.promote("models:/m-" + "0" * 32, target=wrong),
    ):
        with pytest.raises((PromotionRejectedError, RegistryError)) as raised:
            attempt()
        shown.append("".join(traceback.format_exception(raised.value)))
    for which, server in enumerate(promotion.servers):
        client = promotion.client(which)
        experiments = client.search_experiments()
        experiment_ids = [experiment.experiment_id for experiment in experiments]
        shown.append(str([run.to_dictionary() for run in client.search_runs(experiment_ids)]))
        shown.append(str([m.to_dictionary() for m in client.search_logged_models(experiment_ids)]))
        shown.append(str([dict(v) for v in client.search_model_versions()]))
        shown.append(server.log.read_text())
    shown.append(str(promotion.target.ledger(promotion.name)))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    shown.extend(path.read_bytes().decode(errors="replace") for path in files)
    out, err = capfd.readouterr()
    everything = "\n".join([*shown, out, err, caplog.text])
    assert "crosscloud_mnist.isolation.fork_server" in everything  # the process list was seen
    assert promotion.name in everything
    for server in promotion.servers:
        basic = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
        assert server.password not in everything
        assert basic not in everything


def test_a_dead_server_is_one_line_in_seconds(promotion):
    uri = promotion.log(promotion.make("dead"))
    options = {"uri": f"http://127.0.0.1:{free_port()}", "experiment": "mnist"}
    dead = IsolatedAdapter("crosscloud_mnist.adapters.mlflow.registry.MlflowRegistry", options, {})
    with pytest.raises(RegistryError, match="does not answer .*expected an MLflow server there"):
        promotion.promote(uri, target=dead)
    shutil.rmtree(promotion.folder / "bundle_cache", ignore_errors=True)
