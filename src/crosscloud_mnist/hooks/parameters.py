"""The parameters of a run, checked before it starts: their names, and their values by type."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from kedro.config import OmegaConfigLoader
from kedro.pipeline import Pipeline
from kedro.validation.type_extractor import TypeExtractor
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.hooks.configuration import load_section
from crosscloud_mnist.hooks.names import unknown_name
from crosscloud_mnist.hooks.params_option import text_of

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_RUNTIME_PARAMETER = re.compile(r"\$\{runtime_params:([\w.]+)")


def check_parameters(loader: OmegaConfigLoader, pipelines: Mapping[str, Pipeline]) -> None:
    """Check the names that a user gave, and every value that has a type; keep text as text.

    The types are those that the nodes annotate their ``params:`` inputs with; Kedro validates the
    same, later, in many lines.

    Args:
        loader: The loader, before it has resolved anything but the globals.
        pipelines: The registered pipelines by name.

    Raises:
        ConfigurationError: A name does not exist, or a value has the wrong type or range.
    """
    types = TypeExtractor(dict(pipelines)).extract_types_from_pipelines()
    known = _known_parameters(loader)
    loader.runtime_params = _keep_text(loader.runtime_params or {}, known, types)
    problems = [
        *_unknown_names(loader.runtime_params, known, types),
        *_invalid_values(load_section(loader, "parameters"), types),
    ]
    if problems:
        raise ConfigurationError(f"{'; '.join(problems)}; check --params and conf")


def _known_parameters(loader: OmegaConfigLoader) -> dict[str, Any]:
    """Return the parameters of the files, and the names that conf reads from ``--params`` alone."""
    given = loader.runtime_params
    loader.runtime_params = {}
    try:
        known = load_section(loader, "parameters")
    finally:
        loader.runtime_params = given
    for path in Path(loader.conf_source).glob("*/**/*.yml"):
        for name in _RUNTIME_PARAMETER.findall(path.read_text(encoding="utf-8")):
            parent = known
            *groups, leaf = name.split(".")
            for group in groups:
                parent = parent.setdefault(group, {})
            parent.setdefault(leaf, "")  # all of them are text
    return known


def _keep_text(
    given: Mapping[str, Any], known: Any, types: Mapping[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """Return what was given, with the user's own text where a parameter is text.

    A parameter is text if its type is ``str``, or, without a type, its value in conf is.
    """
    kept: dict[str, Any] = {}
    for key, value in given.items():
        name = f"{prefix}{key}"
        default = known.get(key) if isinstance(known, Mapping) else None
        expected = types.get(name)
        if value is not None and (_is_text(expected) if expected else isinstance(default, str)):
            kept[key] = text_of(name, value)
        elif isinstance(value, Mapping):
            inner = {f"{name}.{field}": hint for field, hint in _hints(expected).items()}
            kept[key] = _keep_text(value, default, {**types, **inner}, f"{name}.")
        else:
            kept[key] = value
    return kept


def _is_text(expected: Any) -> bool:
    is_choice = get_origin(expected) in (Union, UnionType, Literal)
    choices = [each for each in get_args(expected) if each is not NoneType]
    return all(
        each is str or isinstance(each, str) for each in (choices if is_choice else [expected])
    )


def _unknown_names(
    given: Mapping[str, Any], known: Mapping[str, Any], typed: Collection[str], prefix: str = ""
) -> Iterator[str]:
    for key, value in given.items():
        name = f"{prefix}{key}"
        if key not in known:
            yield unknown_name(key, known, "parameter", prefix)
        elif name not in typed and isinstance(value, Mapping) and isinstance(known[key], Mapping):
            yield from _unknown_names(value, known[key], typed, f"{name}.")


def _invalid_values(parameters: Mapping[str, Any], types: Mapping[str, type]) -> Iterator[str]:
    for name, expected in types.items():
        value: Any = parameters
        for key in name.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        try:
            TypeAdapter(expected).validate_python(value)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                yield _describe(name, expected, details)


def _describe(parameter: str, expected: type, details: ErrorDetails) -> str:
    location = details["loc"]
    name = ".".join(map(str, (parameter, *location)))
    if details["type"] in _UNKNOWN:
        prefix, dot, field = name.rpartition(".")
        return unknown_name(field, _fields(expected, location[:-1]), "parameter", prefix + dot)
    message = details["msg"].removeprefix("Value error, ")
    message = re.sub(r"^Input should be ", "expected ", message)
    if details["type"] == "value_error" and not location:  # of a whole group: it names the field
        return f"{parameter}: {message}"
    return f"{name} is {details['input']!r}: {message[0].lower()}{message[1:]}"


def _fields(expected: Any, location: tuple[int | str, ...]) -> list[str]:
    """Return the names of the fields at a place in a dataclass."""
    for key in location:
        expected = _hints(expected).get(str(key))
    return list(_hints(expected))


def _hints(expected: Any) -> dict[str, Any]:
    """Return the types of a dataclass's fields by name; nothing for any other type."""
    for option in (expected, *get_args(expected)):  # a dataclass, or one that may be None
        if isinstance(option, type) and dataclasses.is_dataclass(option):
            hints = get_type_hints(option)
            return {field.name: hints[field.name] for field in dataclasses.fields(option)}
    return {}
