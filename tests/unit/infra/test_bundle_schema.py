"""``databricks.yml`` has only sections and fields that the CLI knows, with values of their types.

The sections are those of the schema that ``databricks bundle schema`` prints
(https://github.com/databricks/cli, ``bundle/schema/jsonschema.json``), as far as this bundle uses
them. CI has the CLI, and holds the file against its own schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

CONTENT = (Path(__file__).parents[3] / "infra" / "bundle" / "databricks.yml").read_text()
STRING = {"type": "string"}
STRINGS = {"type": "array", "items": STRING}
BOOLEAN = {"type": "boolean"}
SCALAR = {"type": ["string", "integer", "boolean"]}


def section(required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
        "required": list(required),
    }


def sections(each: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": each}


WORKSPACE = section(
    **dict.fromkeys(
        ("artifact_path", "file_path", "host", "profile", "resource_path", "root_path"), STRING
    )
)
SYNC = section(exclude=STRINGS, include=STRINGS, paths=STRINGS)
PERMISSIONS = {
    "type": "array",
    "items": section(
        required=("level",),
        level={"enum": ["CAN_MANAGE", "CAN_RUN", "CAN_VIEW"]},
        group_name=STRING,
        service_principal_name=STRING,
        user_name=STRING,
    ),
}
SCHEMA = section(
    required=("bundle", "targets"),
    bundle=section(required=("name",), name=STRING, databricks_cli_version=STRING),
    python=section(mutators=STRINGS, resources=STRINGS, venv_path=STRING),
    artifacts=sections(
        section(
            build=STRING,
            dynamic_version=BOOLEAN,
            path=STRING,
            type={"enum": ["whl", "jar"]},
        )
    ),
    sync=SYNC,
    permissions=PERMISSIONS,
    variables=sections(section(default=SCALAR, description=STRING, type={"const": "complex"})),
    targets=sections(
        section(
            default=BOOLEAN,
            mode={"enum": ["development", "production"]},
            permissions=PERMISSIONS,
            sync=SYNC,
            variables=sections(SCALAR),
            workspace=WORKSPACE,
        )
    ),
)


def find_faults(text: str) -> list[str]:
    errors = Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(text))
    return [error.message for error in errors]


def test_the_bundle_has_only_what_the_schema_of_the_cli_has():
    assert find_faults(CONTENT) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("sync:", "syncs:", "'syncs' was unexpected"),
        ("paths: [../../conf, ../../notebooks]", "paths: ../../conf", "is not of type 'array'"),
        ("venv_path:", "venv:", "'venv' was unexpected"),
        ("level: CAN_VIEW", "level: CAN_READ", "'CAN_READ' is not one of"),
        ("mode: production", "mode: prod", "'prod' is not one of"),
        ("default: true", 'default: "yes"', "'yes' is not of type 'boolean'"),
        ("  name: crosscloud-mnist", "  title: crosscloud-mnist", "'name' is a required property"),
    ],
)
def test_a_fault_is_found(old, new, fault):
    assert old in CONTENT
    assert any(fault in found for found in find_faults(CONTENT.replace(old, new, 1)))
