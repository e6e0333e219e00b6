"""The reference of the commands, from the commands themselves."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from kedro.pipeline import Pipeline

from crosscloud_mnist.adapters.databricks.secrets import main as write_secrets
from crosscloud_mnist.cli import run
from crosscloud_mnist.pipeline_registry import register_pipelines
from documentation.docstring import to_markdown
from documentation.markdown import code, table

_TARGET = re.compile(r"^([a-z-]+):.*## (.*)$", re.MULTILINE)


def render(makefile: Path) -> str:
    """Return the page, in Markdown.

    Args:
        makefile: The project's Makefile.
    """
    return "\n".join(
        [
            "# Commands",
            "",
            "Generated from the commands themselves.",
            "",
            "## `make`\n",
            table(["target", "what it does"], _targets(makefile)),
            "## Pipelines\n",
            "`kedro run --pipelines NAME`. Nodes with the tag `production` write to the production",
            "workspace, or change what is served.\n",
            table(["pipeline", "from and to", "nodes", "writes to production"], _pipelines()),
            "## `kedro run`, and `crosscloud-mnist` in a job\n",
            table(["option", "meaning"], _options(run)),
            "## `crosscloud-mnist-secrets`\n",
            f"{_help(write_secrets)}\n",
            table(["option", "meaning"], _options(write_secrets)),
        ]
    )


def _targets(makefile: Path) -> list[list[str]]:
    found = _TARGET.findall(makefile.read_text(encoding="utf-8"))
    return [[code(f"make {name}"), meaning] for name, meaning in found]


def _pipelines() -> Iterator[list[str]]:
    registered = register_pipelines()
    for name, pipeline in registered.items():
        writes = any("production" in node.tags for node in pipeline.nodes)
        row = [code(name), "", "", "yes" if writes else "no"]
        if importlib.util.find_spec(f"crosscloud_mnist.pipelines.{name}"):
            package = importlib.import_module(f"crosscloud_mnist.pipelines.{name}")
            row[1] = to_markdown(inspect.getdoc(package) or "")
            row[2] = ", ".join(f"`{node.name}`" for node in pipeline.nodes)
        else:
            row[1] = ", then ".join(code(part) for part in _parts(name, registered))
        yield row


def _parts(name: str, registered: Mapping[str, Pipeline]) -> list[str]:
    """Return the pipelines that a pipeline is composed of, in their order."""
    names = {other: {node.name for node in each.nodes} for other, each in registered.items()}
    smaller = [other for other in names if names[other] < names[name]]
    return [part for part in smaller if not any(names[part] < names[other] for other in smaller)]


def _options(command: click.Command) -> Iterator[list[str]]:
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            names = ", ".join(f"`{name}`" for name in parameter.opts)
            required = " Required." if parameter.required else ""
            yield [names, f"{to_markdown(parameter.help or '')}{required}"]


def _help(command: click.Command) -> str:
    """Return a command's help; an indented command becomes a block of text."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(
        f"```text\n{inspect.cleandoc(each)}\n```" if each.startswith("    ") else to_markdown(each)
        for each in paragraphs
    )
