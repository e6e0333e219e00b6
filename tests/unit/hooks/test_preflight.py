"""What is checked before a run starts."""

from __future__ import annotations

from pathlib import Path
from urllib.request import proxy_bypass

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.datasets.bundle import BundleDataset
from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.hooks import preflight
from crosscloud_mnist.hooks.configuration import CachingConfigLoader


@pytest.mark.parametrize(
    ("key", "message"),
    [(None, "there is no signing key"), ("-----BEGIN NONE-----", "signing key cannot be used")],
)
def test_training_does_not_start_without_a_key_to_sign_with(tmp_path, key, message):
    dataset = BundleDataset(filepath=str(tmp_path / "bundle"), credentials={"private_key": key})
    catalog = DataCatalog({"bundle": dataset})
    manager = _create_hook_manager()
    manager.register(preflight.PreflightHooks())

    def start(pipeline: Pipeline) -> None:
        manager.hook.before_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog)

    with pytest.raises(ConfigurationError, match=message):
        start(Pipeline([Node(lambda: None, None, "bundle", name="build_bundle_contents")]))
    start(Pipeline([Node(lambda bundle: bundle, "bundle", "more", name="use_bundle")]))


def loader(conf: Path, environment: str | None = None, **files: str) -> CachingConfigLoader:
    """Return a loader of a conf folder with ``base`` and ``local``, and these files in base."""
    for name in ("base", "local"):
        (conf / name).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (conf / "base" / f"{name}.yml").write_text(text)
    return CachingConfigLoader(str(conf), env=environment, base_env="base", default_run_env="local")


def test_an_environment_that_does_not_exist_is_named_with_those_that_do(tmp_path):
    with pytest.raises(ConfigurationError, match="no environment prod, expected .*base, local"):
        preflight.check_environment(loader(tmp_path, "prod"))
    with pytest.raises(ConfigurationError, match="no environment lokal, did you mean local"):
        preflight.check_environment(loader(tmp_path, "lokal"))


def test_a_missing_conf_or_local_folder_is_named_with_what_to_do(tmp_path):
    made = loader(tmp_path)
    preflight.check_environment(made)
    (tmp_path / "local").rmdir()
    with pytest.raises(ConfigurationError, match="local does not exist, .*; create it"):
        preflight.check_environment(made)
    made.conf_source = str(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="nowhere does not exist.*--conf-source"):
        preflight.check_environment(made)


def test_a_folder_with_brackets_is_one_line_as_kedro_finds_no_conf_there(tmp_path):
    with pytest.raises(ConfigurationError, match=r"a\[b\]/conf has a .*; rename the folder"):
        preflight.check_environment(loader(tmp_path / "a[b]" / "conf"))


def test_of_alternative_variables_one_is_enough(tmp_path, monkeypatch):
    made = loader(tmp_path, globals="required_env:\n- [CC_HOST]\n- [CC_TOKEN, CC_SECRET]\n")
    for name in ("CC_HOST", "CC_TOKEN", "CC_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CC_HOST", "x")
    with pytest.raises(ConfigurationError, match="^CC_TOKEN or CC_SECRET not set, expected by"):
        preflight.check_variables(made)
    monkeypatch.setenv("CC_SECRET", "x")
    preflight.check_variables(made)


def test_a_tracking_server_that_does_not_answer_is_found_in_seconds(tmp_path):
    made = loader(tmp_path, globals="tracking_uri: http://127.0.0.1:9")
    with pytest.raises(RegistryError, match="127.0.0.1:9 does not answer"):
        preflight.check_tracking_server(made)


def test_one_key_in_two_files_is_named_with_both(tmp_path):
    made = loader(tmp_path, catalog_a="x: {type: a}", catalog_b="x: {type: b}")
    with pytest.raises(ConfigurationError, match="catalog_[ab].yml and .*catalog_[ab].yml: x"):
        preflight.check_references(made)


def test_an_empty_tracking_database_is_found_before_kedro_mlflow_opens_it(tmp_path):
    (tmp_path / "mlflow.db").touch()
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(ConfigurationError, match=r"mlflow\.db is empty \(0 bytes\), expected"):
        preflight.check_tracking_server(loader(tmp_path / "conf", globals=f"tracking_uri: {uri}"))


def test_with_a_proxy_requests_to_this_machine_are_excluded_from_it(monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "example.com")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    preflight.exclude_loopback_from_proxies()
    assert proxy_bypass("127.0.0.1:5000")
    assert proxy_bypass("example.com")
    assert not proxy_bypass("workspace.example")
