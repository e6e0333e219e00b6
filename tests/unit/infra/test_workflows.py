"""The workflows: of least privilege, pinned, and of known steps; ``make check`` validates them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[3]
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}|docker://[\w./:-]+@sha256:[0-9a-f]{64}")
# Job ids, and what they may do beside reading the sources.
WRITES = {
    "train": {"id-token"},
    "staging": {"id-token"},
    "production": {"id-token"},
    "publish": {"id-token", "attestations", "contents"},
}
# What runs every step of the delivery's jobs, as it takes them from the workflow; before that,
# ``make rehearse`` runs most of them in tests/e2e/test_delivery.py.
DELIVERY_RUN_BY = "rehearsal/delivery_flow.py"
# What runs the other steps that a test runs.
RUN_BY = {
    "make coverage": "tests/conftest.py",
    "make docs": "tests/e2e/test_documentation.py",
    "make viz-static": "tests/e2e/test_command_line.py",
    "make wheel": "tests/integration/test_wheel.py",
    "make sbom": "tests/integration/supply_chain/test_sbom.py",
    "make rehearse": "rehearsal/__main__.py",
    "make setup": "tests/e2e/test_delivery.py",
    'sleep "$BAKE_TIME"': DELIVERY_RUN_BY,
}
# The steps that no test runs, each with the reason.
NOT_RUN = {
    "make audit": "asks for advisories over the internet, and its answer changes every day",
    "terraform -chdir=infra/terraform fmt -check": "Terraform is no Python package of the lock",
    "terraform -chdir=infra/terraform init -backend=false": "downloads the provider",
    "terraform -chdir=infra/terraform validate": "needs the provider; test_terraform.py checks the "
    "arguments and references of every resource",
    'gh release create "$GITHUB_REF_NAME" dist/*.whl build/sbom.json '
    "--verify-tag --generate-notes": "publishes",
    "curl -fsSL https://raw.githubusercontent.com/databricks/setup-cli/"
    "f01853f8d6b12678ab0fab76ffad726c460be1a5/install.sh | sudo sh": "installs on the agent",
    'echo "##vso[task.setvariable variable=REGISTERED]true"': "is a command to the agent",
}


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        yield from load(path)["jobs"].items()


def azure_scripts(node: Any) -> Iterator[str]:
    """Yield every command of the pipeline, in order, also those that its templates run."""
    if isinstance(node, list):
        for each in node:
            yield from azure_scripts(each)
    elif isinstance(node, dict) and "template" in node:
        template = load(PROJECT / node["template"])
        command = node.get("parameters", {}).get("command")
        yield from [command] if command else azure_scripts(template["steps"])
    elif isinstance(node, dict):
        script = node.get("script") or node.get("bash")
        yield from [script] if script else azure_scripts(list(node.values()))


def github_scripts() -> list[str]:
    return [step["run"] for _, job in jobs() for step in job["steps"] if "run" in step]


def databricks(scripts: Iterator[str] | list[str]) -> list[str]:
    """Return the commands of the Databricks CLI, without the variable that names the run."""
    found = (re.search(r"databricks (?:bundle|fs) .*?(?=$| &&)", each) for each in scripts)
    return [re.sub(r"delivery \$\w+", "", match[0]).rstrip(')"') for match in found if match]


def test_every_action_is_pinned_by_its_digest():
    used = [step["uses"] for _, job in jobs() for step in job["steps"] if "uses" in step]
    assert used
    assert [each for each in used if not PINNED.fullmatch(each)] == []


def test_a_job_may_write_only_what_it_needs_and_no_workflow_holds_a_secret():
    for path in WORKFLOWS:
        assert load(path)["permissions"] == {}, path
        assert "secrets." not in path.read_text(), path
    for name, job in jobs():
        writes = {scope for scope, access in job["permissions"].items() if access == "write"}
        assert writes == WRITES.get(name, set()), name
    assert "secret" not in (PROJECT / "azure-pipelines.yml").read_text()


def test_only_jobs_of_an_environment_get_an_id_token():
    for name, job in jobs():
        assert ("id-token" in job["permissions"]) == ("environment" in job), name


def test_a_delivery_is_not_cancelled_and_is_the_only_one():
    delivery = load(PROJECT / ".github/workflows/delivery.yml")
    assert delivery["concurrency"] == {"group": "delivery", "cancel-in-progress": False}
    assert load(PROJECT / "azure-pipelines.yml")["trigger"]["batch"] == "true"


def test_every_step_is_run_by_a_test_or_is_named_with_the_reason_why_not():
    """Azure DevOps' commands of the Databricks CLI are the delivery's, as another test checks."""
    delivery = load(PROJECT / ".github/workflows/delivery.yml")["jobs"]
    scripts = {
        step["run"]
        for name, job in jobs()
        if name not in delivery
        for step in job["steps"]
        if "run" in step
    }
    scripts |= {
        script
        for script in azure_scripts(load(PROJECT / "azure-pipelines.yml")["stages"])
        if "databricks bundle" not in script and "databricks fs" not in script
    }
    assert scripts == RUN_BY.keys() | NOT_RUN.keys()
    assert not RUN_BY.keys() & NOT_RUN.keys()
    for path in {*RUN_BY.values(), DELIVERY_RUN_BY}:
        assert (PROJECT / path).is_file(), path


def test_a_pull_request_keeps_the_documentation_that_it_builds():
    steps = load(PROJECT / ".github/workflows/pull-request.yml")["jobs"]["documentation"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["make docs", "make viz-static"]
    assert steps[-1]["uses"].startswith("actions/upload-artifact@")
    folders = steps[-1]["with"]["path"].split()
    makefile = (PROJECT / "Makefile").read_text()
    assert folders == ["build/docs", "build/viz"]
    assert [folder for folder in folders if folder not in makefile] == []


def test_a_step_is_one_line_and_make_has_its_target():
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.M))
    pipeline = load(PROJECT / "azure-pipelines.yml")
    for script in [*github_scripts(), *azure_scripts(pipeline["stages"])]:
        assert len(script.removeprefix("set -o pipefail\n").splitlines()) == 1, script
        if script.startswith("make "):
            assert script.split()[-1] in targets, script


def test_azure_devops_runs_the_commands_of_the_delivery_in_its_order():
    pipeline = load(PROJECT / "azure-pipelines.yml")
    expected = databricks(github_scripts())
    assert len(expected) == 16
    assert databricks(azure_scripts(pipeline["stages"])) == expected


def test_the_approval_stands_between_staging_and_production():
    delivery = load(PROJECT / ".github/workflows/delivery.yml")["jobs"]
    assert delivery["staging"]["needs"] == "train"
    assert delivery["production"]["needs"] == "staging"
    assert [delivery[name]["environment"] for name in delivery] == ["azure", "staging", "gcp"]


def test_production_is_rolled_back_only_after_its_alias_has_moved():
    steps = load(PROJECT / ".github/workflows/delivery.yml")["jobs"]["production"]["steps"]
    (register,) = (number for number, step in enumerate(steps) if step.get("id") == "register")
    assert "--only register_remote " in steps[register]["run"]
    *_, rollback, report = steps
    assert report == {"run": "databricks bundle run --target gcp release --only report"}
    assert rollback["if"] == "${{ !success() && steps.register.outcome == 'success' }}"
    commands = [step["run"] for step in steps[register + 1 : -2]]
    assert [each.removeprefix("databricks bundle run --target gcp ") for each in commands] == [
        "release --only deploy",
        "release --only smoke_test",
        'sleep "$BAKE_TIME"',
        "monitor --params require_minimum_images=false",
    ]
