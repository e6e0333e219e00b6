"""The reference of the configuration, from the typed settings and the files of ``conf``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from kedro.validation.type_extractor import TypeExtractor
from pydantic import TypeAdapter

from crosscloud_mnist.adapters.databricks.endpoint_settings import EndpointSettings
from crosscloud_mnist.pipeline_registry import register_pipelines
from crosscloud_mnist.serving.settings import ServingSettings
from crosscloud_mnist.training.config import TrainingConfig
from documentation.docstring import describe_attributes, describe_class
from documentation.json_schema import describe_type
from documentation.markdown import code, table

_ENVIRONMENT_VARIABLE = re.compile(r"\$\{oc\.env:(\w+)(,)?")
_TOP_LEVEL_KEY = re.compile(r"^(\w+):[^#]*(?:# (.*))?$")
_MAX_VALUE = 70  # characters of a value that a table shows


def render(conf: Path) -> str:
    """Return the page, in Markdown.

    Args:
        conf: The project's folder of configuration.
    """
    return "\n".join(
        [
            "# Configuration",
            "",
            "Generated from the types of the parameters and settings, and from the files of",
            "`conf`. A parameter is set for one run by `--params group.name=value`. A global is",
            "set by an environment, or in `conf/local/globals.yml`, and replaces the one of",
            "`conf/base` as a whole.",
            "",
            *_parameters(conf),
            *_settings("Settings of a training", TrainingConfig, "A recipe sets them: "),
            *_settings("Settings of the local endpoint", ServingSettings),
            *_settings("Settings of a Databricks endpoint", EndpointSettings),
            *_globals(conf),
            *_environment_variables(conf),
        ]
    )


def _parameters(conf: Path) -> Iterator[str]:
    """Yield a table for each group of parameters that a node annotates."""
    values: dict[str, Any] = {}
    for path in sorted((conf / "base").glob("parameters*.yml")):
        values |= yaml.safe_load(path.read_text(encoding="utf-8"))
    types = TypeExtractor(register_pipelines()).extract_types_from_pipelines()
    yield "## Parameters\n"
    for name, kind in sorted(types.items()):
        yield f"### `{name}`\n"
        value = values.get(name)
        if isinstance(value, str):  # a reference to a global
            yield f"In `conf/base`: `{value}`.\n"
        yield _table_of(kind, value if isinstance(value, Mapping) else {}, f"{name}.")


def _settings(title: str, kind: type, prefix: str = "") -> Iterator[str]:
    yield f"## {title}\n"
    yield f"{prefix}{describe_class(kind)}\n"
    yield _table_of(kind, {})


def _table_of(kind: type, values: Mapping[str, object], prefix: str = "") -> str:
    """Return the fields of a class: name, type, default or value in conf, meaning."""
    schema = _schema(kind)
    definitions = schema.get("$defs", {})
    meanings = describe_attributes(kind)
    rows = [
        [
            code(f"{prefix}{name}"),
            describe_type(field, definitions),
            meanings.get(name, ""),
            code(_shorten(values[name] if name in values else field.get("default", ""))),
        ]
        for name, field in schema["properties"].items()
    ]
    return table(["name", "type", "meaning", "in `conf/base`" if values else "default"], rows)


def _schema(kind: type) -> dict[str, Any]:
    if not issubclass(kind, msgspec.Struct):
        return TypeAdapter(kind).json_schema()
    (schema,), definitions = msgspec.json.schema_components([kind], schema_hook=_path_schema)
    return {**definitions[schema["$ref"].rpartition("/")[2]], "$defs": definitions}


def _path_schema(kind: type) -> dict[str, object]:
    if kind is Path:
        return {"type": "string"}
    raise NotImplementedError(kind)


def _globals(conf: Path) -> Iterator[str]:
    """Yield the table of the globals: the value of each environment that sets them."""
    environments = sorted(path.parent.name for path in conf.glob("*/globals.yml"))
    environments = ["base", *(name for name in environments if name not in ("base", "local"))]
    files = {
        name: (conf / name / "globals.yml").read_text(encoding="utf-8") for name in environments
    }
    values = {name: yaml.safe_load(text) for name, text in files.items()}
    comments: dict[str, str] = {}
    for text in files.values():
        for line in text.splitlines():
            if (found := _TOP_LEVEL_KEY.match(line)) and found[2]:
                comments.setdefault(found[1], found[2])
    names = dict.fromkeys(key for mapping in values.values() for key in mapping)
    yield "## Globals\n"
    yield "What one environment sets differently from another; an empty cell takes `base`.\n"
    yield table(
        ["name", *(f"`{name}`" for name in environments), "meaning"],
        [
            [
                code(name),
                *(code(_shorten(values[each].get(name, ""))) for each in environments),
                comments.get(name, ""),
            ]
            for name in names
            if not name.startswith("_")
        ],
    )


def _environment_variables(conf: Path) -> Iterator[str]:
    """Yield the table of the environment variables that conf reads."""
    found: dict[str, dict[str, None]] = {}
    required: set[str] = set()
    for path in sorted(conf.glob("*/**/*.yml")):
        if path.relative_to(conf).parts[0] == "local":
            continue
        for name, default in _ENVIRONMENT_VARIABLE.findall(path.read_text(encoding="utf-8")):
            found.setdefault(name, {})[f"`{path.relative_to(conf.parent)}`"] = None
            if not default:
                required.add(name)
    yield "## Environment variables\n"
    yield "Those that `conf` reads. [Two clouds](../two-clouds.md) has the ways to sign in.\n"
    yield table(
        ["variable", "required", "read by"],
        [
            [code(name), "yes" if name in required else "no", ", ".join(paths)]
            for name, paths in sorted(found.items())
        ],
    )


def _shorten(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"
