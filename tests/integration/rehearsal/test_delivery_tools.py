"""The stand-ins of a delivery: the CLI's reading of a bundle, and GitHub's of a workflow."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rehearsal.bundle_job import BundleJob
from rehearsal.bundle_target import BundleTarget
from rehearsal.cli_state import CliError, CliState
from rehearsal.github_workflow import JobRun, Workflow
from rehearsal.package import PACKAGE_VARIABLE, Package, provide_package

BUNDLE = Path(__file__).parents[3] / "infra" / "bundle"
FACTS = {
    "bundle.git.commit": "ab" * 20,
    "workspace.file_path": "/files",
    "workspace.current_user.userName": "delivery",
}
REQUIRED = {
    f"BUNDLE_VAR_{name}": name
    for name in ("run_as", "operators", "notify", "policy_id", "verifying_key")
}


def load(target="gcp", folder=BUNDLE, **changed):
    environment = {name: value for name, value in {**REQUIRED, **changed}.items() if value}
    return BundleTarget.load(folder, target, environment, FACTS)


def test_every_reference_of_a_target_is_resolved():
    jobs = load().jobs
    assert "${" not in str(jobs)
    assert jobs["release"]["run_as"] == {"service_principal_name": "run_as"}
    (cluster,) = (each["new_cluster"] for each in load("azure").jobs["train"]["job_clusters"])
    assert cluster["spark_env_vars"]["GIT_COMMIT"] == FACTS["bundle.git.commit"]
    assert cluster["num_workers"] == 2


def test_an_unknown_target_is_rejected():
    with pytest.raises(CliError, match="nonesuch: no such target"):
        load("nonesuch")


def test_a_variable_without_a_value_is_rejected():
    with pytest.raises(CliError, match="no value assigned to required variable run_as"):
        load(BUNDLE_VAR_run_as="")


def test_a_folder_without_a_bundle_is_rejected(tmp_path):
    with pytest.raises(CliError, match="unable to locate bundle root"):
        load(folder=tmp_path)


def test_every_process_of_a_rehearsal_takes_the_package_that_was_built_first(tmp_path, monkeypatch):
    wheel = tmp_path / "built" / "dist" / "crosscloud_mnist-1-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    wheel.touch()
    monkeypatch.setenv(PACKAGE_VARIABLE, str(tmp_path / "built"))
    found = provide_package(tmp_path / "own")
    assert found == Package(wheel, tmp_path / "built" / "conf-crosscloud_mnist.tar.gz")
    assert not (tmp_path / "own").exists()


@pytest.fixture
def run_workflow(tmp_path):
    """Return a function that runs jobs of one environment."""

    def run(content, jobs=None, finished=None):
        common = {"environment": "gcp", "permissions": {}, "env": {}}
        workflow = {
            "defaults": {"run": {"working-directory": "."}},
            "jobs": {name: {**common, **job} for name, job in content.items()},
        }
        path = tmp_path / "workflow.yml"
        path.write_text(yaml.safe_dump(workflow, sort_keys=False))
        return Workflow(
            path,
            tmp_path,
            environments={"gcp": {"COLOUR": "green"}},
            id_token=lambda name: {"ID_TOKEN": name},
            path_entry=tmp_path,
            finished=dict(finished or {}),
        ).run(jobs)

    return run


def test_a_job_gets_its_variables_its_needs_and_an_id_token_only_with_the_permission(run_workflow):
    first = {
        "env": {"C": "${{ vars.COLOUR }}"},
        "outputs": {"colour": "${{ steps.one.outputs.found }}"},
        "steps": [{"id": "one", "run": 'echo "found=$C${ID_TOKEN-}" >> "$GITHUB_OUTPUT"'}],
    }
    second = {
        "needs": "first",
        "permissions": {"id-token": "write"},
        "env": {"C": "${{ needs.first.outputs.colour }}"},
        "steps": [{"run": "echo $C of $ID_TOKEN"}],
    }
    runs = run_workflow({"first": first, "second": second})
    assert runs["second"].printed.endswith("green of gcp\n")


def test_a_failed_step_skips_the_rest_but_a_step_for_failures_and_the_jobs_that_need_it(
    run_workflow,
):
    condition = "${{ !success() && steps.first.outcome == 'success' }}"
    steps = [
        {"id": "first", "run": "true"},
        {"run": "false | cat"},  # with pipefail
        {"run": "echo skipped"},
        {"if": condition, "run": "echo repaired"},
    ]
    runs = run_workflow({"one": {"steps": steps}, "two": {"needs": "one", "steps": []}})
    assert list(runs) == ["one"]
    assert list(runs["one"].outcomes.values()) == ["success", "failure", "skipped", "success"]


def test_a_job_whose_needs_ran_before_is_run_alone(run_workflow):
    finished = {"first": JobRun(outputs={"uri": "models:/m-1"})}
    second = {
        "needs": "first",
        "env": {"URI": "${{ needs.first.outputs.uri }}"},
        "steps": [{"run": "echo $URI"}],
    }
    first = {"steps": [{"run": "false"}]}
    runs = run_workflow({"first": first, "second": second}, jobs=("second",), finished=finished)
    assert runs["second"].printed == "$ echo $URI\nmodels:/m-1\n"


def test_what_is_not_known_of_a_workflow_is_an_error(run_workflow):
    with pytest.raises(KeyError, match="NONE"):
        run_workflow({"one": {"env": {"A": "${{ vars.NONE }}"}, "steps": []}})
    with pytest.raises(KeyError, match="continue-on-error, which is not known"):
        run_workflow({"one": {"steps": [{"run": "true", "continue-on-error": True}]}})


@pytest.mark.parametrize(
    ("only", "given", "message"),
    [
        (["nonesuch"], {}, "no such task: nonesuch"),
        (None, {"nonesuch": "1"}, "job does not have parameters nonesuch"),
        (["rollback"], {"reason": "a = b, c"}, "service principal run_as does not exist"),
    ],
)
def test_a_run_that_the_service_would_reject_is_rejected(tmp_path, only, given, message):
    state = CliState(tmp_path, Path("python"), Path("wheel"), "", {}, {}, {})
    job = BundleJob(state, "http://127.0.0.1:9", load().jobs["rollback"])
    with pytest.raises(CliError, match=message):
        job.run(only, given)
