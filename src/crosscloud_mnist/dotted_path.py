"""A function that conf names by its dotted path."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from crosscloud_mnist.errors import ConfigurationError


def find_module(path: str) -> str:
    """Return the module of a function's dotted path, if it can be found; it is not imported.

    Raises:
        ValueError: The path has no module, or there is no such module.
    """
    module, _, name = path.rpartition(".")
    if not all(part.isidentifier() for part in [*module.split("."), name]):
        raise ValueError("expected a function's dotted path, such as own_package.own_module.create")
    try:
        is_found = importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a part before the last one is no package
        is_found = False
    if not is_found:
        raise ValueError(
            f"there is no module {module}, expected one of an installed package, or of a package "
            "in the project's folder src"
        )
    return module


def load_function(path: str, setting: str) -> Callable[..., Any]:
    """Return the function of a dotted path.

    Args:
        path: Such as ``own_package.own_module.create``.
        setting: The setting that holds the path, for messages.

    Raises:
        ConfigurationError: The module cannot be imported, or holds no such function.
    """
    try:
        module = find_module(path)
        function = getattr(importlib.import_module(module), path.rpartition(".")[2], None)
    except ValueError as error:
        raise ConfigurationError(f"{setting} is {path}: {error}; correct it in conf") from error
    except Exception as error:  # a module of the user's fails in any way
        raise ConfigurationError(
            f"{setting} is {path}, whose module cannot be imported "
            f"({type(error).__name__}: {' '.join(str(error).split())[:300]}), expected one that "
            "imports without an error; correct the module"
        ) from error
    if not callable(function):
        raise ConfigurationError(
            f"{setting} is {path}: {module} has no such function, expected one; correct it in conf"
        )
    return function  # type: ignore[no-any-return]
