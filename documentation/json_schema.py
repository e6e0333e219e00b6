"""Types of settings, as the words of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_TYPES = {"null": "null", "string": "text", "array": "list", "object": "mapping"}
_LIMITS = {
    "exclusiveMinimum": ">",
    "minimum": "≥",
    "exclusiveMaximum": "<",
    "maximum": "≤",
    "pattern": "matches",
}


def describe_type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return the type of a value in words, with its range.

    Args:
        schema: The JSON schema of the value.
        definitions: The schemas that it refers to, by name.
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return describe_type(definitions[name], definitions)
    if options := schema.get("anyOf", schema.get("oneOf")):
        described = dict.fromkeys(describe_type(option, definitions) for option in options)
        return " or ".join(described)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"`{json.dumps(value)}`" for value in values)
    found = schema.get("type", "any")
    if isinstance(found, list):
        return " or ".join(describe_type({**schema, "type": each}, definitions) for each in found)
    limits = [f"{sign} `{schema[name]}`" for name, sign in _LIMITS.items() if name in schema]
    return ", ".join([_TYPES.get(found, found), *limits])
