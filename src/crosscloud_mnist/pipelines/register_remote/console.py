"""What ``register_remote`` prints when its results are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crosscloud_mnist.pipelines.register_remote.records import RegisteredModel


def _format_registered_model(model: RegisteredModel) -> Iterator[str]:
    note = "" if model["created"] else " (the bundle was already registered there)"
    yield (
        f"Registered version: {model['name']} {model['version']} in {model['workspace']}, "
        f"alias {model['alias']}{note}"
    )


FORMATTERS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "registered_model": _format_registered_model
}
