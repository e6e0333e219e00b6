"""The reference of the commands, from the commands themselves."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from crosscloud_mnist.adapters.databricks.secrets import main as write_secrets
from crosscloud_mnist.cli import run
from crosscloud_mnist.pipeline_registry import register_pipelines
from documentation.docstring import to_markdown
from documentation.markdown import code, table

_TARGET = re.compile(r"^([a-z-]+):.*## (.*)$", re.MULTILINE)
_COMPOSITE = {
    "train": "`ingest_mnist`, then `train_distributed`",
    "release": "`register_remote`, then `deploy`, then `smoke_test`",
    "__default__": "`train`: a bare `kedro run` changes nothing in production",
}


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
    for name, pipeline in register_pipelines().items():
        writes = any("production" in node.tags for node in pipeline.nodes)
        nodes = ", ".join(f"`{node.name}`" for node in pipeline.nodes)
        listed = "" if name in _COMPOSITE else nodes
        yield [code(name), _describe(name), listed, "yes" if writes else "no"]


def _describe(name: str) -> str:
    if name in _COMPOSITE:
        return _COMPOSITE[name]
    package = importlib.import_module(f"crosscloud_mnist.pipelines.{name}")
    return to_markdown(inspect.getdoc(package) or "")


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
