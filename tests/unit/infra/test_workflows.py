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
# What a step may run beside a target of the Makefile.
COMMANDS = (
    r"databricks (bundle (validate|deploy|run)|fs cat) ",
    r"terraform -chdir=infra/terraform (fmt -check|init -backend=false|validate)$",
    r"gh release create ",
    r"curl -fsSL https://raw\.githubusercontent\.com/databricks/setup-cli/[0-9a-f]{40}/",
)


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


def test_every_step_is_a_target_of_the_makefile_or_a_known_command():
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.M))
    pipeline = load(PROJECT / "azure-pipelines.yml")
    for script in [*github_scripts(), *azure_scripts(pipeline["stages"])]:
        assert len(script.removeprefix("set -o pipefail\n").splitlines()) == 1, script
        target = re.fullmatch(r"make (?:-C \.\./\.\. )?([a-z-]+)", script)
        if target:
            assert target[1] in targets, script
            continue
        is_variable = script == 'echo "##vso[task.setvariable variable=REGISTERED]true"'
        assert is_variable or any(re.search(known, script) for known in COMMANDS), script


def test_azure_devops_runs_the_commands_of_the_delivery_in_its_order():
    pipeline = load(PROJECT / "azure-pipelines.yml")
    expected = databricks(github_scripts())
    assert len(expected) == 14
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
    assert steps[-1]["if"] == "${{ !success() && steps.register.outcome == 'success' }}"
    assert [step["run"].split()[-1] for step in steps[register + 1 : -1]] == [
        "deploy",
        "smoke_test",
    ]
