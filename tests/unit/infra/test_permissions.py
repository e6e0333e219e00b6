"""``docs/permissions.md`` and the grants of the Terraform module are one table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests.unit.infra.hcl import evaluate, namespace

PROJECT = Path(__file__).parents[3]
SECURABLES = "policy|experiment|ledger|volume|endpoint|model|schema|identities|tag"
ROLE_SECURABLES = {"run_as": "identities", "approval": "tag"}  # by the names of their rule sets
ROLES = ("trains", "promotes", "serves", "queries", "reads", "delivers", "approves")


def read_resources() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (kind.strip('"'), name.strip('"'), body)
        for path in (PROJECT / "infra" / "terraform").glob("*.tf")
        for entry in hcl2.loads(path.read_text()).get("resource", [])
        for kind, named in entry.items()
        if not kind.startswith("__")
        for name, body in named.items()
    ]


def granted_privileges() -> dict[str, set[tuple[str, str]]]:
    """Every role is held by a principal of its name; which privilege it gets, and on what."""
    principals = namespace({role: [role] for role in ROLES if role != "approves"})
    names = {
        "local": namespace(
            {
                "principals": principals,
                "members": principals,
                "job_users": users("trains", "promotes", "serves"),
                "catalog_users": users("trains", "promotes", "serves", "approves", "delivers"),
                "volume_users": users("trains", "promotes", "delivers"),
                "model_users": users("serves"),
                "approvers": {"approves"},
            }
        ),
        "var": namespace({"serving_endpoint_id": "e"}),
    }
    granted: dict[str, set[tuple[str, str]]] = {role: set() for role in ROLES}
    for kind, name, body in read_resources():
        if kind == "databricks_grant" and name != "share":
            for principal, privilege in grants(body, names):
                granted[principal].add((securable(name), privilege.replace("_", " ")))
        elif kind == "databricks_permissions":
            for block in body["dynamic"]:
                content = block['"access_control"']
                level = evaluate(content["content"][0]["permission_level"], names)
                for principal in evaluate(content["for_each"], names):
                    granted[principal].add((securable(name), level))
        elif kind == "databricks_access_control_rule_set":
            (rule,) = body["grant_rules"]
            role = evaluate(rule["role"], names).removeprefix("roles/")
            for principal in evaluate(rule["principals"], names):
                granted[principal.partition("/")[2]].add((ROLE_SECURABLES[name], role))
        elif kind == "databricks_registered_model":
            granted[evaluate(body["owner"], names)].add(("model", "ownership"))
    return granted


def users(*roles: str) -> dict[str, str]:
    return {role: role for role in roles}


def grants(body: dict[str, Any], names: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for principal in evaluate(body["for_each"], names):
        each = {**names, "each": namespace({"key": principal, "value": principal})}
        for privilege in evaluate(body["privileges"], each):
            yield principal, privilege


def securable(name: str) -> str:
    return {"tracking": "experiment", "job_policy": "policy", "approval": "model"}.get(name, name)


def documented_privileges() -> dict[str, set[tuple[str, str]]]:
    """The column ``needs`` of the table, by role."""
    rows = {}
    for line in (PROJECT / "docs" / "permissions.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0] in ROLES:
            rows[cells[0]] = set(read_needs(cells[2]))
    return rows


def read_needs(cell: str) -> Iterator[tuple[str, str]]:
    for need in cell.replace("**ownership**", "`ownership`").split(";"):
        privileges = re.findall("`([A-Za-z_. ]+)`", need)
        text = re.sub("`[^`]*`", "", need)
        named = re.findall(SECURABLES, text)
        for privilege in privileges:
            level = {"USE CATALOG": ["catalog"], "USE SCHEMA": ["schema"]}.get(privilege, named)
            for each in level:
                yield each, privilege


@pytest.mark.parametrize("role", ROLES)
def test_terraform_grants_a_role_what_the_table_says_and_no_more(role):
    assert granted_privileges()[role] == documented_privileges()[role]
